// Which object, if any, an anchor or a proposal is to find.
#pragma once
#include <cstdint>
#include <span>
#include <vector>

#include "data/annotation.h"
#include "tasks/detection/convention.h"

namespace swin::tasks {

inline constexpr int32_t kBackground = -1, kIgnored = -2;

struct MatchOptions {
  double low, high;  ///< background below `low`, an object from `high` on, between them ignored
  /// An object also gets the boxes with its highest IoU, whatever that is. By mmdet's rule they are
  /// this object's (the last of several) if the IoU is at least `minimum`; by torchvision's they
  /// are those of their own best object. An object that no box overlaps gets none, other than in
  /// torchvision, where it turns all boxes into positives.
  bool low_quality = false;
  double minimum = 0;
};

/// Of the RPN.
inline MatchOptions rpn_match_options() { return {.3, .7, true, .3}; }
/// Of a box head; a stage of a cascade has its own IoU.
inline MatchOptions box_head_match_options(const Rules& rules, double iou = .5) {
  return {iou, iou, rules.low_quality_in_box_head, iou};
}

/// @param truth boxes of the objects of an image, without crowds; may be empty
/// @return for each box the index of its object (the first of those with the highest IoU),
///     kBackground or kIgnored.
std::vector<int32_t> match(std::span<const data::BoundingBox> truth,
                           std::span<const data::BoundingBox> boxes, const MatchOptions& options,
                           const Rules& rules);

}  // namespace swin::tasks
