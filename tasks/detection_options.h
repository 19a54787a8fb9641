// The task section of detection as plain values.
#pragma once
#include <cstdint>

#include "base/config_row.h"
#include "layers/dense/mask_rcnn.h"
#include "tasks/detection/anchors.h"
#include "tasks/detection/box_coder.h"

namespace swin::tasks {

/// How many proposals the RPN makes.
struct ProposalCounts {
  int64_t of_level = 0;  ///< before suppression, from each level of an image
  int64_t of_image = 0;  ///< after it
};

/// Which boxes losses are computed on.
struct SampleOptions {
  int64_t count = 0;    ///< of an image
  double positive = 0;  ///< at most this part of them
};

/// What the heads of regions of one stage learn.
struct HeadStage {
  double iou = 0.5;   ///< from which on a region has an object
  BoxCoder coder;     ///< of their deltas
  double weight = 1;  ///< of their losses
};

struct DetectionOptions {
  Convention convention = Convention::mmdet;
  AnchorOptions anchors;
  ProposalCounts training, inference;
  double proposal_iou = 0.7;  ///< above which the worse of two proposals is dropped
  SampleOptions rpn, box_head;
  double score = 0.05;  ///< that an answer exceeds
  double iou = 0.5;     ///< above which the worse of two answers of a class is dropped
  int64_t max_detections = 100;
  layers::MaskRcnnOptions model;
  std::vector<HeadStage> stages;  ///< one, or of a cascade three

  const Rules& rules() const { return tasks::rules(convention); }
  BoxCoder rpn_coder() const { return {{1, 1, 1, 1}, rules().clamps_deltas_below}; }
  /// β of the RPN's box loss. The published cascades have their own.
  double rpn_box_beta() const { return model.cascade ? 1.0 / 9 : rules().rpn_box_beta; }
  /// Anchors that leave the image teach nothing, as in the published cascades.
  bool anchors_inside_image() const { return model.cascade; }
};

/// @param own the fields of the task's row
/// @throws UsageError if there are not as many anchor sizes on each level, or for a cascade by
///     another convention than mmdet.
DetectionOptions detection_options(const base::RowValues& own, const layers::ModelConfig& model);

}  // namespace swin::tasks
