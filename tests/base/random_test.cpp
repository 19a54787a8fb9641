// The generator against known vectors, the Python implementation
// (scripts/reference/random_twin.py) and its moments; base/math against libm.
#include "base/random.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <set>
#include <vector>

#include "base/math.h"

namespace swin::base {
namespace {

using Words = std::array<uint32_t, 4>;

// From kat_vectors of the Random123 distribution.
TEST(Philox, KnownVectors) {
  EXPECT_EQ(philox({0, 0, 0, 0}, {0, 0}), (Words{0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8}));
  EXPECT_EQ(philox({0xffffffff, 0xffffffff, 0xffffffff, 0xffffffff}, {0xffffffff, 0xffffffff}),
            (Words{0x408f276d, 0x41c83b0e, 0xa20bc7c6, 0x6d5451fd}));
  EXPECT_EQ(philox({0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344}, {0xa4093822, 0x299f31d0}),
            (Words{0xd16cfe09, 0x94fdcceb, 0x5001e420, 0x24126ea1}));
}

// Test vectors by the authors of FNV.
TEST(HashName, KnownVectors) {
  EXPECT_EQ(hash_name(""), 0xcbf29ce484222325ull);
  EXPECT_EQ(hash_name("a"), 0xaf63dc4c8601ec8cull);
  EXPECT_EQ(hash_name("foobar"), 0x85944171f73967e8ull);
}

struct TwinDraw {
  uint64_t seed;
  const char* stream;
  uint64_t step, sample, element;
  uint32_t bits;
  double uniform;
};

// Printed by scripts/reference/random_twin.py.
const TwinDraw kTwinDraws[] = {
    {0ull, "", 0ull, 0ull, 0ull, 0xe4396477u, 0.89150071144104},
    {7ull, "layers.0.blocks.1/drop_path", 3ull, 11ull, 0ull, 0x2a818edeu, 0.1660393476486206},
    {7ull, "layers.0.blocks.1/drop_path", 3ull, 11ull, 6ull, 0xf21e174bu, 0.9457716345787048},
    {42ull, "head.weight", 0ull, 0ull, 76799ull, 0xf58ca472u, 0.9591772556304932},
    {1099511627781ull, "data/shuffle", 8589934593ull, 17179869187ull, 68719476738ull, 0x98e71252u,
     0.5972758531570435},
};

TEST(Random, EqualsItsPythonTwin) {
  for (const TwinDraw& d : kTwinDraws) {
    const Random random(d.seed, d.stream, d.step, d.sample);
    EXPECT_EQ(random.bits(d.element), d.bits) << d.stream;
    EXPECT_EQ(static_cast<double>(random.uniform(d.element)), d.uniform) << d.stream;
  }
}

TEST(Random, NameAndHashOfTheNameAreTheSameStream) {
  const Random a(3, "layers.0.blocks.1/drop_path", 5, 7),
      b(3, hash_name("layers.0.blocks.1/drop_path"), 5, 7);
  for (uint64_t i = 0; i < 9; ++i) EXPECT_EQ(a.bits(i), b.bits(i));
}

TEST(Random, BlocksHoldFourElements) {
  const Random random(1, "blocks");
  for (const uint64_t block : {uint64_t{0}, uint64_t{1}, uint64_t{1} << 33}) {
    const Words words = random.block(block);
    for (uint64_t i = 0; i < 4; ++i) EXPECT_EQ(random.bits(4 * block + i), words[i]);
  }
}

// Every coordinate of a draw matters, including the high halves: no two of these draws agree.
TEST(Random, EveryCoordinateChangesTheBits) {
  std::set<Words> seen;
  size_t draws = 0;
  const uint64_t high = uint64_t{1} << 32;
  for (const uint64_t seed : {uint64_t{0}, uint64_t{1}, high})
    for (const uint64_t stream : {uint64_t{0}, uint64_t{1}, high})
      for (const uint64_t step : {uint64_t{0}, uint64_t{1}, high})
        for (const uint64_t sample : {uint64_t{0}, uint64_t{1}, high})
          for (const uint64_t block : {uint64_t{0}, uint64_t{1}, high}) {
            seen.insert(Random(seed, stream, step, sample).block(block));
            ++draws;
          }
  EXPECT_EQ(seen.size(), draws);
}

TEST(Random, UniformIsExactInFloatAndBelowOne) {
  EXPECT_EQ(Random::to_uniform(0), 0.f);
  EXPECT_EQ(Random::to_uniform(0xFFFFFFFFu), 1.f - 0x1p-24f);
  EXPECT_EQ(Random::to_uniform(0x80000000u), 0.5f);
}

TEST(Random, MomentsOfUniformAndNormal) {
  const Random random(11, "moments");
  constexpr int kDraws = 200000;
  double mean = 0, square = 0, normal_mean = 0, normal_square = 0, normal_fourth = 0, product = 0;
  for (uint64_t i = 0; i < kDraws; ++i) {
    const double u = static_cast<double>(random.uniform(i)) - 0.5, z = random.normal(i + kDraws);
    ASSERT_TRUE(u >= -0.5 && u < 0.5);
    mean += u, square += u * u;
    normal_mean += z, normal_square += z * z, normal_fourth += z * z * z * z;
    product += u * (static_cast<double>(random.uniform(i + 1)) - 0.5);
  }
  // Each within five standard errors.
  EXPECT_NEAR(mean / kDraws, 0, 5 * std::sqrt(1. / 12 / kDraws));
  EXPECT_NEAR(square / kDraws, 1. / 12, 5 * std::sqrt(1. / 180 / kDraws));
  EXPECT_NEAR(product / kDraws, 0, 5 * std::sqrt(1. / 144 / kDraws));
  EXPECT_NEAR(normal_mean / kDraws, 0, 5 / std::sqrt(kDraws));
  EXPECT_NEAR(normal_square / kDraws, 1, 5 * std::sqrt(2. / kDraws));
  EXPECT_NEAR(normal_fourth / kDraws, 3, 5 * std::sqrt(96. / kDraws));
}

TEST(Random, UniformFillsItsBinsEvenly) {
  // Sixteen bins per word: chi-squared with 15 degrees of freedom stays below 50 (p ≈ 1e-5).
  for (uint64_t word = 0; word < 4; ++word) {
    std::array<int, 16> bins{};
    constexpr int kDraws = 16000;
    for (uint64_t sample = 0; sample < kDraws; ++sample)
      ++bins[Random(5, "bins", 9, sample).below(word, 16)];
    double chi_squared = 0;
    for (const int count : bins)
      chi_squared += (count - kDraws / 16.0) * (count - kDraws / 16.0) / (kDraws / 16.0);
    EXPECT_LT(chi_squared, 50) << word;
  }
}

TEST(Random, BelowReachesEveryIntegerBelowItsBound) {
  const Random random(2, "below");
  std::set<uint32_t> seen;
  for (uint64_t i = 0; i < 500; ++i) {
    const uint32_t n = random.below(i, 7);
    ASSERT_LT(n, 7u);
    seen.insert(n);
    ASSERT_EQ(random.below(i, 1), 0u);
  }
  EXPECT_EQ(seen.size(), 7u);
}

TEST(Permutation, IsAPermutationForManySizes) {
  for (const uint64_t n :
       {1, 2, 3, 4, 5, 7, 15, 16, 17, 63, 64, 65, 100, 257, 1000, 4097, 50000, 60000}) {
    const Permutation permutation(n, Random(1, "shuffle", n));
    std::vector<bool> seen(n, false);
    for (uint64_t i = 0; i < n; ++i) {
      const uint64_t j = permutation(i);
      ASSERT_LT(j, n);
      ASSERT_FALSE(seen[j]) << n << " index " << i;
      seen[j] = true;
    }
  }
}

TEST(Permutation, ChangesWithTheStepAndMovesMostIndices) {
  constexpr uint64_t n = 1000;
  const Permutation a(n, Random(1, "shuffle", 0)), b(n, Random(1, "shuffle", 1));
  int fixed = 0, same = 0;
  double correlation = 0;
  for (uint64_t i = 0; i < n; ++i) {
    fixed += a(i) == i;
    same += a(i) == b(i);
    correlation += (static_cast<double>(i) - 499.5) * (static_cast<double>(a(i)) - 499.5);
  }
  EXPECT_LT(fixed, 12);  // expected: one
  EXPECT_LT(same, 12);
  EXPECT_LT(std::abs(correlation / (n * n * n / 12.0)), 0.16);
}

TEST(Math, AgreesWithLibmWithinItsStatedError) {
  for (int i = -7000; i <= 7000; i += 7) {
    const double x = i * 0.1;
    EXPECT_NEAR(exp(x) / std::exp(x), 1, 1e-13 + std::abs(x) * 2e-16) << x;
    const double y = std::exp(x * 0.9);
    EXPECT_NEAR(log(y), std::log(y), 1e-14 * std::max(1.0, std::abs(x))) << y;
    EXPECT_NEAR(sin_pi(x * 0.01), std::sin(M_PI * std::fmod(x * 0.01, 2.0)), 4e-15) << x;
    EXPECT_NEAR(cos_pi(x * 0.01), std::cos(M_PI * std::fmod(x * 0.01, 2.0)), 4e-15) << x;
  }
  EXPECT_NEAR(pow(2.5, 3.5), std::pow(2.5, 3.5), 1e-12);
}

TEST(Math, InverseNormalIsTheQuantile) {
  for (const double p :
       {1e-12, 1e-6, 0.001, 0.02424, 0.02426, 0.1, 0.3, 0.5, 0.77, 0.97574, 0.97576, 0.999999}) {
    const double z = inverse_normal(p), back = 0.5 * std::erfc(-z / std::sqrt(2.0));
    // In the tails, a relative error ε of z is one of about ε z² of p.
    EXPECT_NEAR(back / p, 1, 1.2e-9 * (1 + 1.1 * z * z)) << p;
  }
  EXPECT_NEAR(inverse_normal(0.975), 1.959963984540054, 3e-9);
  EXPECT_EQ(inverse_normal(0.5), 0);
}

}  // namespace
}  // namespace swin::base
