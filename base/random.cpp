#include "base/random.h"

#include "base/math.h"

namespace swin::base {
namespace {
// splitmix64's finalizer: every input bit changes about half of the output bits.
uint64_t mix(uint64_t x) {
  x += 0x9E3779B97F4A7C15ull;
  x = (x ^ (x >> 30)) * 0xBF58476D1CE4E5B9ull;
  x = (x ^ (x >> 27)) * 0x94D049BB133111EBull;
  return x ^ (x >> 31);
}
}  // namespace

std::array<uint32_t, 4> philox(std::array<uint32_t, 4> c, std::array<uint32_t, 2> key) {
  for (int round = 0; round < 10; ++round) {
    const uint64_t p0 = 0xD2511F53ull * c[0], p1 = 0xCD9E8D57ull * c[2];
    c = {static_cast<uint32_t>(p1 >> 32) ^ c[1] ^ key[0], static_cast<uint32_t>(p1),
         static_cast<uint32_t>(p0 >> 32) ^ c[3] ^ key[1], static_cast<uint32_t>(p0)};
    key[0] += 0x9E3779B9u;
    key[1] += 0xBB67AE85u;
  }
  return c;
}

Random::Random(uint64_t seed, uint64_t stream, uint64_t step, uint64_t sample)
    : step_(static_cast<uint32_t>(step)),
      sample_(static_cast<uint32_t>(sample)),
      high_(static_cast<uint32_t>((step >> 32) << 16) ^ static_cast<uint32_t>(sample >> 32)) {
  const uint64_t key = mix(seed ^ mix(stream));
  key_ = {static_cast<uint32_t>(key), static_cast<uint32_t>(key >> 32)};
}

std::array<uint32_t, 4> Random::block(uint64_t block) const {
  return philox({static_cast<uint32_t>(block), sample_, step_,
                 high_ ^ (static_cast<uint32_t>(block >> 32) << 8)},
                key_);
}

uint32_t Random::bits(uint64_t element) const { return block(element / 4)[element % 4]; }

double Random::normal(uint64_t element) const {
  // The center of one of 2³² cells: neither 0 nor 1 can occur.
  return inverse_normal((static_cast<double>(bits(element)) + 0.5) * 0x1p-32);
}

Permutation::Permutation(uint64_t n, const Random& random) : n_(n), half_bits_(1), random_(random) {
  while ((1ull << (2 * half_bits_)) < n) ++half_bits_;
}

uint64_t Permutation::operator()(uint64_t i) const {
  const uint64_t mask = (1ull << half_bits_) - 1;
  do {
    uint64_t left = i >> half_bits_, right = i & mask;
    for (uint64_t round = 0; round < 6; ++round) {
      const uint64_t next = left ^ (random_.bits((round << 40) | right) & mask);
      left = right;
      right = next;
    }
    i = (left << half_bits_) | right;
  } while (i >= n_);
  return i;
}

}  // namespace swin::base
