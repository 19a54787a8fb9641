// What is decided by boxes alone: overlaps, the best of many, suppression of duplicates, levels.
// All in double; equal scores are in the order of their indices.
#pragma once
#include <cstdint>
#include <span>
#include <vector>

#include "base/size2.h"
#include "data/annotation.h"
#include "tasks/detection/convention.h"

namespace swin::tasks {

/// Whether boxes have an area in common.
inline bool meet(const data::BoundingBox& a, const data::BoundingBox& b) {
  return a.x1 < b.x2 && b.x1 < a.x2 && a.y1 < b.y2 && b.y1 < a.y2;
}

/// Intersection over union. Two empty boxes have none (0).
double iou(const data::BoundingBox& a, const data::BoundingBox& b, const Rules& rules);

/// @return (truth, boxes) intersections over unions.
std::vector<double> iou_matrix(std::span<const data::BoundingBox> truth,
                               std::span<const data::BoundingBox> boxes, const Rules& rules);

/// The indices of the `k` highest scores (of all, if there are fewer) by falling score.
/// @throws DivergedError for a score that is not a number.
std::vector<int64_t> top_k(std::span<const float> scores, int64_t k);
std::vector<int64_t> top_k(std::span<const double> scores, int64_t k);

/// Non-maximum suppression: a box is dropped if its IoU with one of higher score that is kept
/// is more than `threshold`.
/// @return the indices of those kept, by falling score.
/// @throws DivergedError for scores that are not numbers and boxes that are not finite.
std::vector<int64_t> nms(std::span<const data::BoundingBox> boxes, std::span<const double> scores,
                         double threshold);
/// The same within each group (a class, a level): boxes of different groups do not meet.
std::vector<int64_t> nms(std::span<const data::BoundingBox> boxes, std::span<const double> scores,
                         std::span<const int64_t> groups, double threshold);

/// The part of a box that is in the image, whose pixels cover [0, width) × [0, height); empty at
/// its border for a box outside.
data::BoundingBox clipped(const data::BoundingBox& box, const base::Size2& image);

/// Both sides are at least `least`.
bool has_sides(const data::BoundingBox& box, double least);

/// The feature map that a region is taken from: 0, the finest, … levels − 1. Larger regions are
/// taken from coarser maps.
/// Source: Lin et al. 2017, arXiv:1612.03144, equation 1.
int64_t roi_level(const data::BoundingBox& box, int64_t levels, const Rules& rules);

}  // namespace swin::tasks
