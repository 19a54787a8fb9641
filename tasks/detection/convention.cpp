#include "tasks/detection/convention.h"

#include <limits>

namespace swin::tasks {
namespace {

constexpr Rules kMmdet = {.rounds_anchors = false,
                          .strides_from_maps = false,
                          .anchors_within_own_size = true,
                          .least_union = 1e-6,
                          .clamps_deltas_below = true,
                          .low_quality_takes_anchor = true,
                          .low_quality_in_box_head = true,
                          .true_boxes_first = true,
                          .rpn_box_beta = 0,
                          .roi_box_beta = 0,
                          .rpn_counts_at_least_one = true,
                          .level_from_finest_scale = true,
                          .roi_sampling_ratio = 0,
                          .roi_aligned = true,
                          .ranks_probabilities = true,
                          // More than 0, as in 3.x; 2.11 keeps empty proposals, which win nothing.
                          .least_proposal_side = std::numeric_limits<double>::min(),
                          .least_detection_side = 0,
                          .pads_masks = true,
                          .binary_mask_targets = true,
                          .pastes_by_sampling = true,
                          .half_is_inside = true};

constexpr Rules kTorchvision = {.rounds_anchors = true,
                                .strides_from_maps = true,
                                .anchors_within_own_size = false,
                                .least_union = 0,
                                .clamps_deltas_below = false,
                                .low_quality_takes_anchor = false,
                                .low_quality_in_box_head = false,
                                .true_boxes_first = false,
                                .rpn_box_beta = 1. / 9,
                                .roi_box_beta = 1. / 9,
                                .rpn_counts_at_least_one = false,
                                .level_from_finest_scale = false,
                                .roi_sampling_ratio = 2,
                                .roi_aligned = false,
                                .ranks_probabilities = false,
                                .least_proposal_side = 1e-3,
                                .least_detection_side = 1e-2,
                                .pads_masks = false,
                                .binary_mask_targets = false,
                                .pastes_by_sampling = false,
                                .half_is_inside = false};

}  // namespace

const Rules& rules(Convention convention) {
  return convention == Convention::mmdet ? kMmdet : kTorchvision;
}

}  // namespace swin::tasks
