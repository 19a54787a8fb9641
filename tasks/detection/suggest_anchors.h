// Sizes of anchors for the objects of a data set, and how well given anchors fit them.
#pragma once
#include <cstdint>
#include <span>
#include <vector>

#include "data/annotation.h"
#include "tasks/detection/anchors.h"

namespace swin::tasks {

/// The share of objects whose best anchor has an IoU of at least 0.5, and 0.7, with them, 0 … 1,
/// and the mean IoU of the best anchors; −1 without objects. An object below 0.5 learns from low
/// quality matches alone, if at all.
struct AnchorFit {
  int64_t objects = 0;
  double at_least_half = -1, at_least_seven_tenths = -1, mean_iou = -1;
  std::vector<int64_t> of_level;  ///< objects whose best anchor is of this level
};

/// @param objects boxes in pixels of the network's input: after the images were resized
/// Anchors are taken at multiples of each level's stride, also near the border; those that
/// torchvision's rule moves or rounds are off by less than a pixel or two.
AnchorFit anchor_fit(std::span<const data::BoundingBox> objects, const AnchorOptions& options);

/// Other sizes, whole numbers and as many on each level, with which as many objects as possible
/// have an anchor of IoU at least 0.5, and of these sizes those of the best mean IoU. Found size by
/// size from 8 · stride on, until no change of one helps; where a level's stride is too coarse for
/// all objects, its sizes stay those. Of more than 4,000 objects, every n-th is looked at.
/// @return options with the new sizes; unchanged without objects.
AnchorOptions suggest_anchors(std::span<const data::BoundingBox> objects, AnchorOptions options);

}  // namespace swin::tasks
