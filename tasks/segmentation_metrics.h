// Metrics of semantic segmentation, from counts of pixels.
#pragma once
#include <cstdint>
#include <span>
#include <vector>

#include "tasks/metrics.h"

namespace swin::tasks {

/// How many pixels of each class were predicted, labeled, and both. Integers: counts of the parts
/// of a set add up to those of the set, in any order.
class PixelCounts {
 public:
  explicit PixelCounts(int64_t classes);

  /// Adds the pixels of an image. Those whose label is data::LabelMap::kIgnored count nowhere,
  /// whatever is predicted there.
  /// @throws DataError for labels, InternalError for predictions that are no class, and where the
  ///     numbers of pixels differ.
  void add(std::span<const uint16_t> predicted, std::span<const uint16_t> labels);
  /// @throws InternalError for other classes.
  void merge(const PixelCounts& other);

  int64_t classes() const { return static_cast<int64_t>(labeled_.size()); }
  int64_t intersection(int64_t k) const { return intersection_[static_cast<size_t>(k)]; }
  int64_t predicted(int64_t k) const { return predicted_[static_cast<size_t>(k)]; }
  int64_t labeled(int64_t k) const { return labeled_[static_cast<size_t>(k)]; }

  // Of a class, 0 … 1; −1 where nothing counts.
  double iou(int64_t k) const;       ///< intersection / union
  double accuracy(int64_t k) const;  ///< intersection / labeled
  double dice(int64_t k) const;      ///< 2 · intersection / (predicted + labeled)

  /// mIoU, mAcc, mDice: means over the classes in which something counts; aAcc: the share of all
  /// labeled pixels that are right. 0 … 1; −1 where nothing counts.
  /// Source: mmsegmentation, mmseg/core/evaluation/metrics.py. A class that is predicted but
  /// labeled nowhere counts 0.
  Metrics metrics() const;

 private:
  std::vector<int64_t> intersection_, predicted_, labeled_;
};

}  // namespace swin::tasks
