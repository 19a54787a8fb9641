// How the draws of a sample are named, and the values that are drawn.
#pragma once
#include <cstdint>
#include <string_view>

#include "base/math.h"
#include "base/random.h"

namespace swin::data {

/// Names the draws of a sample. With repeated augmentation every repeat is a separate sample.
struct Draw {
  uint64_t seed = 0, epoch = 0, sample = 0;
  base::Random random(std::string_view stream) const {
    return base::Random(seed, stream, epoch, sample);
  }
};

/// Uniform in [low, high), from 32 bits.
inline double uniform(const base::Random& random, uint64_t element, double low, double high) {
  return low + (high - low) * (static_cast<double>(random.bits(element)) * 0x1p-32);
}
inline double log_uniform(const base::Random& random, uint64_t element, double low, double high) {
  return base::exp(uniform(random, element, base::log(low), base::log(high)));
}
/// Uniform in 0 … n − 1.
inline int64_t below(const base::Random& random, uint64_t element, int64_t n) {
  return static_cast<int64_t>(random.below(element, static_cast<uint32_t>(n)));
}

}  // namespace swin::data
