// Counter-based random numbers: every value is a pure function of (seed, stream, step, sample,
// element). There is no state to advance, so values do not depend on resuming, micro-batches,
// threads or workers. docs/numerics.md specifies the generator (Philox4x32-10) and the hash of
// names (FNV-1a, 64 bits); scripts/reference/random_twin.py computes the same bits.
#pragma once
#include <array>
#include <cstdint>
#include <string_view>

namespace swin::base {

/// FNV-1a, 64 bits: the stream of a name such as `layers.0.blocks.1/drop_path`.
constexpr uint64_t hash_name(std::string_view name) {
  uint64_t hash = 14695981039346656037ull;
  for (char c : name) hash = (hash ^ static_cast<unsigned char>(c)) * 1099511628211ull;
  return hash;
}

/// Ten rounds of Philox4x32 (Salmon et al. 2011, "Parallel random numbers: as easy as 1, 2, 3").
std::array<uint32_t, 4> philox(std::array<uint32_t, 4> counter, std::array<uint32_t, 2> key);

/// The draws of one (seed, stream, step, sample); `element` is the index of a value among them.
class Random {
 public:
  Random(uint64_t seed, uint64_t stream, uint64_t step = 0, uint64_t sample = 0);
  Random(uint64_t seed, std::string_view stream, uint64_t step = 0, uint64_t sample = 0)
      : Random(seed, hash_name(stream), step, sample) {}

  /// 32 random bits.
  uint32_t bits(uint64_t element) const;
  /// The four 32-bit words of elements 4·block … 4·block + 3.
  std::array<uint32_t, 4> block(uint64_t block) const;
  /// Uniform in [0, 1), a multiple of 2⁻²⁴: exact in float.
  float uniform(uint64_t element) const { return to_uniform(bits(element)); }
  /// Standard normal, by base/math's inverse distribution function: the same bits on every machine.
  double normal(uint64_t element) const;
  /// Uniform integer in [0, n), n < 2³²; its bias is below n / 2³².
  uint32_t below(uint64_t element, uint32_t n) const {
    return static_cast<uint32_t>((static_cast<uint64_t>(bits(element)) * n) >> 32);
  }
  static constexpr float to_uniform(uint32_t bits) {
    return static_cast<float>(bits >> 8) * 0x1p-24f;
  }

 private:
  std::array<uint32_t, 2> key_;
  uint32_t step_, sample_, high_;
};

/// A random permutation of 0 … n−1 as a function: permutation(i) is the i-th index of the shuffled
/// order. A Feistel network over Random, applied until its result is below n. Takes no memory;
/// calls may come in any order.
class Permutation {
 public:
  Permutation(uint64_t n, const Random& random);
  uint64_t operator()(uint64_t i) const;

 private:
  uint64_t n_;
  uint32_t half_bits_;
  Random random_;
};

}  // namespace swin::base
