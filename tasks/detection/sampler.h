// The boxes of an image that losses are computed on: a random part with a limited share of
// positives.
#pragma once
#include <cstdint>
#include <span>
#include <vector>

#include "base/random.h"

namespace swin::tasks {

struct SampleCounts {
  int64_t positives = 0, negatives = 0;
  bool operator==(const SampleCounts&) const = default;
};

/// How many sample() takes: min(positives, ⌊count · fraction⌋), and negatives for the rest of
/// `count` as far as there are any.
/// @param matches of match()
SampleCounts count_sampled(std::span<const int32_t> matches, int64_t count, double fraction);

struct Samples {
  std::vector<int64_t> positives, negatives;  ///< indices of matches, ascending
};

/// Draws positives and negatives, each evenly and without repetition. What is drawn depends on
/// `random` alone: on the seed, stream (`rpn_sampler`, `roi_sampler`), step and the image's place
/// in the whole batch.
Samples sample(std::span<const int32_t> matches, int64_t count, double fraction,
               const base::Random& random);

}  // namespace swin::tasks
