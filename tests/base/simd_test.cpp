// Vector code against plain loops: partial loads, the fixed order of sums, exp and the normal
// distribution.
#include "base/simd.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <vector>

namespace swin::base {
namespace {

template <class T>
class Simd : public testing::Test {};
using Reals = testing::Types<float, double>;
TYPED_TEST_SUITE(Simd, Reals);

template <class T>
Vec<T> ramp() {
  Vec<T> v{};
  for (int i = 0; i < kLanes<T>; ++i) v[i] = static_cast<T>(i + 1);
  return v;
}

TYPED_TEST(Simd, LanesAndRounding) {
  EXPECT_EQ(kLanes<TypeParam> * static_cast<int64_t>(sizeof(TypeParam)), kVectorBytes);
  EXPECT_EQ(round_to_lanes<TypeParam>(0), 0);
  EXPECT_EQ(round_to_lanes<TypeParam>(1), kLanes<TypeParam>);
  EXPECT_EQ(round_to_lanes<TypeParam>(kLanes<TypeParam>), kLanes<TypeParam>);
  EXPECT_EQ(round_to_lanes<TypeParam>(kLanes<TypeParam> + 1), 2 * kLanes<TypeParam>);
}

TYPED_TEST(Simd, PartialLoadsAndStoresTouchOnlyTheirLanes) {
  const Vec<TypeParam> v = ramp<TypeParam>();
  for (int64_t n = 1; n < kLanes<TypeParam>; ++n) {
    std::vector<TypeParam> memory(static_cast<size_t>(n));  // the sanitizer sees accesses beyond it
    store_partial(memory.data(), n, v);
    for (int64_t i = 0; i < n; ++i) ASSERT_EQ(memory[static_cast<size_t>(i)], v[i]);
    const Vec<TypeParam> back = load_partial(memory.data(), n);
    for (int64_t i = 0; i < kLanes<TypeParam>; ++i) ASSERT_EQ(back[i], i < n ? v[i] : 0);
  }
  std::vector<TypeParam> memory(static_cast<size_t>(2 * kLanes<TypeParam>));
  store(memory.data() + 1, v);  // unaligned
  const Vec<TypeParam> back = load(memory.data() + 1);
  for (int64_t i = 0; i < kLanes<TypeParam>; ++i) ASSERT_EQ(back[i], v[i]);
  EXPECT_EQ(memory[0], 0);
}

TYPED_TEST(Simd, SumAddsByHalving) {
  Vec<TypeParam> v{};
  std::vector<TypeParam> lanes;
  for (int i = 0; i < kLanes<TypeParam>; ++i) {
    v[i] = static_cast<TypeParam>(std::sin(i * 1.7) * std::pow(10.0, i % 5));
    lanes.push_back(v[i]);
  }
  for (size_t half = lanes.size() / 2; half > 0; half /= 2)
    for (size_t i = 0; i < half; ++i) lanes[i] += lanes[i + half];
  EXPECT_EQ(sum(v), lanes[0]);
}

TYPED_TEST(Simd, LargestLaneAnywhere) {
  for (int lane = 0; lane < kLanes<TypeParam>; ++lane) {
    Vec<TypeParam> v = -ramp<TypeParam>();
    v[lane] = TypeParam{-0.5};
    EXPECT_EQ(max_lane(v), TypeParam{-0.5});
  }
}

TYPED_TEST(Simd, FmaRoundsOnce) {
  const TypeParam epsilon = std::numeric_limits<TypeParam>::epsilon();
  [[maybe_unused]] const Vec<TypeParam> a = broadcast(1 + epsilon),
                                        c = broadcast(-(1 + 2 * epsilon));
#if defined(__FMA__) || defined(__AVX512F__)
  EXPECT_EQ(fma(a, a, c)[0], epsilon * epsilon);
#endif
  const Vec<TypeParam> x = ramp<TypeParam>(), y = fma(x, x, x);
  for (int i = 0; i < kLanes<TypeParam>; ++i) EXPECT_EQ(y[i], x[i] * x[i] + x[i]);
  EXPECT_EQ(max(x, broadcast(TypeParam{3}))[0], 3);
  EXPECT_EQ(min(x, broadcast(TypeParam{3}))[kLanes<TypeParam> - 1], 3);
}

TYPED_TEST(Simd, ExpOverItsRange) {
  const double promise = sizeof(TypeParam) == 4 ? 2e-7 : 1e-15;
  for (double x = -87.2; x < 88.36; x += 0.0137) {
    const TypeParam argument = static_cast<TypeParam>(x);
    const double want = std::exp(static_cast<double>(argument));
    ASSERT_NEAR(static_cast<double>(exp(broadcast(argument))[1]) / want, 1, promise) << x;
  }
  const TypeParam limit = sizeof(TypeParam) == 4 ? TypeParam{-87.5} : TypeParam{-800};
  EXPECT_EQ(exp(broadcast(limit))[0], 0);
  EXPECT_EQ(exp(broadcast(TypeParam{-1e30f}))[0], 0);
  EXPECT_EQ(exp(broadcast(TypeParam{0}))[0], 1);
  EXPECT_EQ(std::isfinite(exp(broadcast(TypeParam{1e4f}))[0]), sizeof(TypeParam) == 4);
  EXPECT_TRUE(std::isnan(exp(broadcast(std::numeric_limits<TypeParam>::quiet_NaN()))[0]));
}

TYPED_TEST(Simd, NormalDistribution) {
  const double promise = sizeof(TypeParam) == 4 ? 2.5e-7 : 1e-15;
  for (double x = -12; x <= 12; x += 0.013) {
    const TypeParam argument = static_cast<TypeParam>(x);
    const double v = static_cast<double>(argument);
    Vec<TypeParam> cdf{}, density{};
    normal_distribution(broadcast(argument), cdf, density);
    ASSERT_NEAR(static_cast<double>(cdf[0]), 0.5 * std::erfc(-v / std::sqrt(2.0)), promise) << x;
    ASSERT_NEAR(static_cast<double>(density[0]), std::exp(-v * v / 2) / std::sqrt(2 * M_PI),
                promise)
        << x;
    ASSERT_GE(cdf[0], 0);
  }
}

}  // namespace
}  // namespace swin::base
