#include "tests/base/simd_checks.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <vector>

#include "base/simd.h"

namespace swin::simd_checks::SWIN_ISA {
namespace {

using base::broadcast;
using base::kLanes;
using base::Vec;

template <class T>
Vec<T> ramp() {
  Vec<T> v{};
  for (int i = 0; i < kLanes<T>; ++i) v[i] = static_cast<T>(i + 1);
  return v;
}

/// Calls check(v) with vectors whose lanes count from low to high in steps; the last lanes of the
/// last vector repeat its first value.
template <class T, class Check>
void count_through(double low, double high, double step, Check&& check) {
  for (double x = low; x < high; x += step * static_cast<double>(kLanes<T>)) {
    Vec<T> v{};
    for (int i = 0; i < kLanes<T>; ++i)
      v[i] = static_cast<T>(x + i * step < high ? x + i * step : x);
    check(v);
  }
}

template <class T>
void check_lanes_and_rounding() {
  EXPECT_EQ(kLanes<T> * static_cast<int64_t>(sizeof(T)), base::kVectorBytes);
  EXPECT_EQ(base::round_to_lanes<T>(0), 0);
  EXPECT_EQ(base::round_to_lanes<T>(1), kLanes<T>);
  EXPECT_EQ(base::round_to_lanes<T>(kLanes<T>), kLanes<T>);
  EXPECT_EQ(base::round_to_lanes<T>(kLanes<T> + 1), 2 * kLanes<T>);
}

template <class T>
void check_partial_loads_and_stores() {
  const Vec<T> v = ramp<T>();
  for (int64_t n = 1; n < kLanes<T>; ++n) {
    // As large as n allows: the sanitizer sees accesses beyond it.
    std::vector<T> memory(static_cast<size_t>(n));
    base::store_partial(memory.data(), n, v);
    for (int64_t i = 0; i < n; ++i) ASSERT_EQ(memory[static_cast<size_t>(i)], v[i]);
    const Vec<T> back = base::load_partial(memory.data(), n);
    for (int64_t i = 0; i < kLanes<T>; ++i) ASSERT_EQ(back[i], i < n ? v[i] : 0);
    std::vector<T> larger(static_cast<size_t>(2 * kLanes<T>), -1);
    base::store_partial(larger.data() + 1, n, v);
    for (int64_t i = 0; i < 2 * kLanes<T>; ++i)
      ASSERT_EQ(larger[static_cast<size_t>(i)], i >= 1 && i <= n ? v[i - 1] : -1) << n << " " << i;
  }
  std::vector<T> memory(static_cast<size_t>(2 * kLanes<T>));
  base::store(memory.data() + 1, v);  // unaligned
  const Vec<T> back = base::load(memory.data() + 1);
  for (int64_t i = 0; i < kLanes<T>; ++i) ASSERT_EQ(back[i], v[i]);
  EXPECT_EQ(memory[0], 0);
}

template <class T>
void check_order_of_sums() {
  Vec<T> v{};
  std::vector<T> lanes;
  for (int i = 0; i < kLanes<T>; ++i) {
    v[i] = static_cast<T>(std::sin(i * 1.7) * std::pow(10.0, i % 5));
    lanes.push_back(v[i]);
  }
  for (size_t half = lanes.size() / 2; half > 0; half /= 2)
    for (size_t i = 0; i < half; ++i) lanes[i] += lanes[i + half];
  EXPECT_EQ(base::sum(v), lanes[0]);
}

template <class T>
void check_largest_lane() {
  for (int lane = 0; lane < kLanes<T>; ++lane) {
    Vec<T> v = -ramp<T>();
    v[lane] = T{-0.5};
    EXPECT_EQ(base::max_lane(v), T{-0.5});
  }
}

template <class T>
void check_rounding_of_fma() {
  const T epsilon = std::numeric_limits<T>::epsilon();
  const Vec<T> a = broadcast(1 + epsilon), c = broadcast(-(1 + 2 * epsilon));
#ifdef __FMA__
  const T want = epsilon * epsilon;
#else
  const T want = 0;  // a product and a sum
#endif
  const Vec<T> x = ramp<T>(), exact = base::fma(a, a, c), y = base::fma(x, x, x);
  for (int i = 0; i < kLanes<T>; ++i) {
    EXPECT_EQ(exact[i], want);
    EXPECT_EQ(y[i], x[i] * x[i] + x[i]);
  }
}

template <class T>
void check_smaller_and_larger() {
  const Vec<T> x = ramp<T>(), two = broadcast(T{2}),
               nan = broadcast(std::numeric_limits<T>::quiet_NaN());
  const Vec<T> most = base::max(x, two), least = base::min(x, two);
  for (int i = 0; i < kLanes<T>; ++i) {
    EXPECT_EQ(most[i], std::max(x[i], T{2}));
    EXPECT_EQ(least[i], std::min(x[i], T{2}));
    EXPECT_EQ(base::max(nan, x)[i], x[i]);
    EXPECT_EQ(base::min(nan, x)[i], x[i]);
    EXPECT_TRUE(std::isnan(base::max(x, nan)[i]));
    EXPECT_TRUE(std::isnan(base::min(x, nan)[i]));
  }
}

void check_square_roots() {
  count_through<float>(0, 100, 0.37, [](Vec<float> x) {
    const Vec<float> root = base::sqrt(x);
    for (int i = 0; i < kLanes<float>; ++i) ASSERT_EQ(root[i], std::sqrt(x[i]));
  });
}

template <class T>
void check_transposition() {
  constexpr int L = static_cast<int>(kLanes<T>), n = base::kBlock<T>, stride = n + 1;
  std::vector<T> rows(static_cast<size_t>(L * stride));
  for (int i = 0; i < L; ++i)
    for (int j = 0; j < n; ++j)
      rows[static_cast<size_t>(i * stride + j)] = static_cast<T>(i * n + j);
  Vec<T> lines[n];
  for (int i = 0; i < n; ++i) lines[i] = base::load_blocks(rows.data() + i * stride, n * stride);
  base::transpose_blocks<T>(lines);
  for (int i = 0; i < n; ++i)
    for (int j = 0; j < L; ++j) ASSERT_EQ(lines[i][j], j * n + i) << i << " " << j;
}

template <class T>
void check_accuracy_of_exp() {
  const double promise = sizeof(T) == 4 ? 2e-7 : 1e-15;
  count_through<T>(-87.2, 88.36, 0.0137, [&](Vec<T> x) {
    const Vec<T> y = base::exp(x);
    for (int i = 0; i < kLanes<T>; ++i)
      ASSERT_NEAR(static_cast<double>(y[i]) / std::exp(static_cast<double>(x[i])), 1, promise)
          << x[i] << " in lane " << i;
  });
  // Every lane alone has a value out of range.
  const T limit = sizeof(T) == 4 ? T{-87.5} : T{-800};
  for (int lane = 0; lane < kLanes<T>; ++lane) {
    const auto in_lane = [&](T value) {
      Vec<T> x{};
      x[lane] = value;
      const Vec<T> y = base::exp(x);
      for (int i = 0; i < kLanes<T>; ++i) EXPECT_TRUE(i == lane || y[i] == 1);
      return static_cast<T>(y[lane]);
    };
    EXPECT_EQ(in_lane(limit), 0);
    EXPECT_EQ(in_lane(T{-1e30f}), 0);
    EXPECT_EQ(in_lane(T{0}), 1);
    EXPECT_EQ(std::isfinite(in_lane(T{1e4f})), sizeof(T) == 4);
    EXPECT_TRUE(std::isnan(in_lane(std::numeric_limits<T>::quiet_NaN())));
  }
}

template <class T>
void check_accuracy_of_normal_distribution() {
  const double promise = sizeof(T) == 4 ? 2.5e-7 : 1e-15;
  count_through<T>(-12, 12, 0.013, [&](Vec<T> x) {
    Vec<T> cdf{}, density{};
    base::normal_distribution(x, cdf, density);
    for (int i = 0; i < kLanes<T>; ++i) {
      const double v = static_cast<double>(x[i]);
      ASSERT_NEAR(static_cast<double>(cdf[i]), 0.5 * std::erfc(-v / std::sqrt(2.0)), promise) << v;
      ASSERT_NEAR(static_cast<double>(density[i]), std::exp(-v * v / 2) / std::sqrt(2 * M_PI),
                  promise)
          << v;
      ASSERT_GE(cdf[i], 0);
    }
  });
}

}  // namespace

int64_t vector_bytes() { return base::kVectorBytes; }

#define SWIN_CHECK(name)     \
  void name() {              \
    {                        \
      SCOPED_TRACE("float"); \
      check_##name<float>(); \
    }                        \
    SCOPED_TRACE("double");  \
    check_##name<double>();  \
  }
SWIN_CHECK(lanes_and_rounding)
SWIN_CHECK(partial_loads_and_stores)
SWIN_CHECK(order_of_sums)
SWIN_CHECK(largest_lane)
SWIN_CHECK(rounding_of_fma)
SWIN_CHECK(smaller_and_larger)
SWIN_CHECK(transposition)
SWIN_CHECK(accuracy_of_exp)
SWIN_CHECK(accuracy_of_normal_distribution)
#undef SWIN_CHECK
void square_roots() { check_square_roots(); }

}  // namespace swin::simd_checks::SWIN_ISA

namespace swin::simd_checks {
SWIN_KERNEL(vector_bytes)
SWIN_KERNEL(lanes_and_rounding)
SWIN_KERNEL(partial_loads_and_stores)
SWIN_KERNEL(order_of_sums)
SWIN_KERNEL(largest_lane)
SWIN_KERNEL(rounding_of_fma)
SWIN_KERNEL(smaller_and_larger)
SWIN_KERNEL(square_roots)
SWIN_KERNEL(transposition)
SWIN_KERNEL(accuracy_of_exp)
SWIN_KERNEL(accuracy_of_normal_distribution)
}  // namespace swin::simd_checks
