// Which images make a batch where their sizes matter.
#pragma once
#include <cstdint>
#include <functional>
#include <optional>
#include <vector>

#include "base/random.h"
#include "data/dataset.h"

namespace swin::data {

/// The sizes of a set's images, each read once. Not for several threads at once.
class ImageSizes {
 public:
  /// @param dataset must outlive this.
  explicit ImageSizes(const Dataset& dataset) : dataset_(dataset) {}
  /// (height, width); nothing for an image that cannot be read (a DataError).
  std::optional<base::Size2> find(int64_t i);
  /// Wider than high; false if it cannot be read.
  bool is_wide(int64_t i) {
    const auto size = find(i);
    return size && (*size)[1] > (*size)[0];
  }

 private:
  struct Known {
    uint32_t height = 0, width = 0;  ///< height 0: not read yet; kBad: cannot be read
  };
  const Dataset& dataset_;
  std::vector<Known> known_;  ///< empty until the first one is asked for
};

/// A shuffled order whose full batches, as far as possible, are of images wider than high alone, or
/// of the others alone, as in mmdetection's GroupSampler: within each group the images come in the
/// shuffled order; what its last full batch leaves over makes the last batches, one of which may be
/// mixed. The full batches come in an order drawn from `random`; a batch that is not full is last.
class GroupedOrder {
 public:
  GroupedOrder(const base::Permutation& order, int64_t images, int64_t batch_size,
               const base::Random& random, const std::function<bool(int64_t)>& is_wide);
  /// The image at a place of the epoch.
  uint64_t operator()(uint64_t place) const { return images_[place]; }

 private:
  std::vector<uint32_t> images_;
};

}  // namespace swin::data
