// The losses of Mask R-CNN: of the RPN on sampled anchors, of the heads on sampled regions.
#pragma once
#include <vector>

#include "tasks/detection_targets.h"
#include "tasks/task.h"

namespace swin::tasks {

/// `rpn_objectness_loss`, the binary cross entropy of the sampled anchors, and `rpn_box_loss`, the
/// smooth L1 loss (L1 by mmdet's rule) of the deltas of those with an object; both times `factor`.
/// @param maps of the RPN on each level, of the images that the targets are of
/// @param factor 1 / count_anchors() of the whole batch
Losses rpn_losses(const std::vector<layers::RpnMaps>& maps, const RpnTargets& targets, real factor,
                  const DetectionOptions& options);

/// `class_loss`, the cross entropy of the regions; `box_loss`, the smooth L1 loss (L1) of the
/// deltas to the class of those with an object, or in a cascade ten times the GIoU loss of the
/// boxes that they lead to; both times share / regions.
/// @param share images of the slice / images of the whole batch: the number of regions follows
///     from the proposals, so the mean is the slice's own; times the weight of the stage
Losses box_losses(const layers::BoxPredictions& predictions, const RegionTargets& targets,
                  int64_t num_classes, double share, const HeadStage& stage,
                  const DetectionOptions& options);

/// `mask_loss`: the binary cross entropy of the masks of the regions with an object, that of its
/// class, times share / (those regions · side²).
/// @param logits (positives, side, side, num_classes)
NamedTensor mask_loss(const Tensor& logits, const RegionTargets& targets, double share);

}  // namespace swin::tasks
