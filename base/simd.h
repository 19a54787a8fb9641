// Vector code with GCC's vector extension, for files that are compiled once for each instruction
// set (base/isa.h). A vector is one register of the set: 64 bytes with AVX-512, 32 with AVX2, 16
// otherwise. Operators work on whole vectors, and a comparison selects lane by lane: a < b ? a : b.
// fma is an intrinsic, because GCC does not contract under -ffp-contract=off. In double, exp and
// erf are the library's: the double build is the reference.
#pragma once
#ifndef SWIN_ISA
#error "base/simd.h is for files that are compiled for each instruction set (VECTOR_SOURCES)"
#endif
#include <cmath>
#include <cstdint>
#include <cstring>
#include <utility>
#if defined(__x86_64__)
#include <immintrin.h>
#endif

namespace swin::base {
// Inline: users write base::load, and the symbols of each set have their own names.
inline namespace SWIN_ISA {

#if defined(__AVX512F__)
constexpr int64_t kVectorBytes = 64, kVectorRegisters = 32;
#elif defined(__AVX2__)
constexpr int64_t kVectorBytes = 32, kVectorRegisters = 16;
#else
constexpr int64_t kVectorBytes = 16, kVectorRegisters = 16;
#endif
#define SWIN_INLINE inline __attribute__((always_inline))

template <class T>
struct VecOf {
  typedef T type __attribute__((vector_size(kVectorBytes)));
};
template <class T>
using Vec = typename VecOf<T>::type;
template <class T>
static constexpr int64_t kLanes = kVectorBytes / static_cast<int64_t>(sizeof(T));
/// n rounded up to whole vectors.
template <class T>
constexpr int64_t round_to_lanes(int64_t n) {
  return (n + kLanes<T> - 1) / kLanes<T> * kLanes<T>;
}

template <class T>
SWIN_INLINE Vec<T> load(const T* p) {
  typedef T Unaligned __attribute__((vector_size(kVectorBytes), aligned(sizeof(T)), may_alias));
  return *reinterpret_cast<const Unaligned*>(p);
}
template <class T>
SWIN_INLINE void store(T* p, Vec<T> v) {
  typedef T Unaligned __attribute__((vector_size(kVectorBytes), aligned(sizeof(T)), may_alias));
  *reinterpret_cast<Unaligned*>(p) = v;
}
template <class T>
SWIN_INLINE Vec<T> broadcast(T x) {
  return x - Vec<T>{};
}

// load_partial(p, n) loads the first n < kLanes values; the other lanes are zero.
// store_partial(p, n, v) stores the first n lanes. max and min return b if a lane of a or b is NaN.
#if defined(__AVX512F__)
SWIN_INLINE Vec<float> load_partial(const float* p, int64_t n) {
  return _mm512_maskz_loadu_ps(static_cast<__mmask16>((1u << n) - 1), p);
}
SWIN_INLINE void store_partial(float* p, int64_t n, Vec<float> v) {
  _mm512_mask_storeu_ps(p, static_cast<__mmask16>((1u << n) - 1), v);
}
SWIN_INLINE Vec<double> load_partial(const double* p, int64_t n) {
  return _mm512_maskz_loadu_pd(static_cast<__mmask8>((1u << n) - 1), p);
}
SWIN_INLINE void store_partial(double* p, int64_t n, Vec<double> v) {
  _mm512_mask_storeu_pd(p, static_cast<__mmask8>((1u << n) - 1), v);
}
SWIN_INLINE Vec<float> fma(Vec<float> a, Vec<float> b, Vec<float> c) {
  return _mm512_fmadd_ps(a, b, c);
}
SWIN_INLINE Vec<double> fma(Vec<double> a, Vec<double> b, Vec<double> c) {
  return _mm512_fmadd_pd(a, b, c);
}
// The masks of all lanes avoid a false warning of GCC 12 (an uninitialized register).
SWIN_INLINE Vec<float> max(Vec<float> a, Vec<float> b) { return _mm512_maskz_max_ps(0xFFFF, a, b); }
SWIN_INLINE Vec<float> min(Vec<float> a, Vec<float> b) { return _mm512_maskz_min_ps(0xFFFF, a, b); }
SWIN_INLINE Vec<float> sqrt(Vec<float> x) { return _mm512_maskz_sqrt_ps(0xFFFF, x); }
#elif defined(__AVX2__)
/// All bits of the first n of 8 (or 4) lanes.
SWIN_INLINE __m256i first_lanes(int64_t n, int32_t) {
  const __m256i lane = _mm256_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7);
  return _mm256_cmpgt_epi32(_mm256_set1_epi32(static_cast<int32_t>(n)), lane);
}
SWIN_INLINE __m256i first_lanes(int64_t n, int64_t) {
  return _mm256_cmpgt_epi64(_mm256_set1_epi64x(n), _mm256_setr_epi64x(0, 1, 2, 3));
}
SWIN_INLINE Vec<float> load_partial(const float* p, int64_t n) {
  return _mm256_maskload_ps(p, first_lanes(n, int32_t{}));
}
SWIN_INLINE void store_partial(float* p, int64_t n, Vec<float> v) {
  _mm256_maskstore_ps(p, first_lanes(n, int32_t{}), v);
}
SWIN_INLINE Vec<double> load_partial(const double* p, int64_t n) {
  return _mm256_maskload_pd(p, first_lanes(n, int64_t{}));
}
SWIN_INLINE void store_partial(double* p, int64_t n, Vec<double> v) {
  _mm256_maskstore_pd(p, first_lanes(n, int64_t{}), v);
}
SWIN_INLINE Vec<float> fma(Vec<float> a, Vec<float> b, Vec<float> c) {
  return _mm256_fmadd_ps(a, b, c);
}
SWIN_INLINE Vec<double> fma(Vec<double> a, Vec<double> b, Vec<double> c) {
  return _mm256_fmadd_pd(a, b, c);
}
SWIN_INLINE Vec<float> max(Vec<float> a, Vec<float> b) { return _mm256_max_ps(a, b); }
SWIN_INLINE Vec<float> min(Vec<float> a, Vec<float> b) { return _mm256_min_ps(a, b); }
SWIN_INLINE Vec<float> sqrt(Vec<float> x) { return _mm256_sqrt_ps(x); }
#else
template <class T>
SWIN_INLINE Vec<T> load_partial(const T* p, int64_t n) {
  Vec<T> v{};
  std::memcpy(&v, p, static_cast<size_t>(n) * sizeof(T));
  return v;
}
template <class T>
SWIN_INLINE void store_partial(T* p, int64_t n, Vec<T> v) {
  std::memcpy(p, &v, static_cast<size_t>(n) * sizeof(T));
}
template <class V>
SWIN_INLINE V fma(V a, V b, V c) {
  return a * b + c;
}
SWIN_INLINE Vec<float> max(Vec<float> a, Vec<float> b) { return a > b ? a : b; }
SWIN_INLINE Vec<float> min(Vec<float> a, Vec<float> b) { return a < b ? a : b; }
SWIN_INLINE Vec<float> sqrt(Vec<float> x) {
  for (int i = 0; i < kLanes<float>; ++i) x[i] = std::sqrt(x[i]);
  return x;
}
#endif
SWIN_INLINE Vec<double> max(Vec<double> a, Vec<double> b) { return a > b ? a : b; }
SWIN_INLINE Vec<double> min(Vec<double> a, Vec<double> b) { return a < b ? a : b; }

/// Combines all lanes in a fixed order: the upper half with the lower until one is left.
template <class T, int64_t kBytes = kVectorBytes, class V, class Combine>
SWIN_INLINE T fold(V v, Combine combine) {
  if constexpr (kBytes == 2 * sizeof(T)) {
    return combine(static_cast<T>(v[0]), static_cast<T>(v[1]));
  } else {
    typedef T Half __attribute__((vector_size(kBytes / 2)));
    Half half[2];
    std::memcpy(half, &v, kBytes);
    if constexpr (kBytes == 4 * sizeof(T)) {
      return combine(combine(static_cast<T>(half[0][0]), static_cast<T>(half[1][0])),
                     combine(static_cast<T>(half[0][1]), static_cast<T>(half[1][1])));
    } else {
      return fold<T, kBytes / 2>(combine(half[0], half[1]), combine);
    }
  }
}
/// The sum of all lanes, in the order of fold.
template <class V>
SWIN_INLINE auto sum(V v) {
  using T = std::remove_reference_t<decltype(v[0])>;
  return fold<T>(
      v, [](auto a, auto b) __attribute__((always_inline)) { return a + b; });
}
template <class V>
SWIN_INLINE auto max_lane(V v) {
  using T = std::remove_reference_t<decltype(v[0])>;
  return fold<T>(
      v, [](auto a, auto b) __attribute__((always_inline)) { return a > b ? a : b; });
}

/// The first 16 bytes of each of kVectorBytes / 16 rows.
template <class T>
SWIN_INLINE Vec<T> load_blocks(const T* rows, int64_t stride) {
#if defined(__AVX2__)
  const auto block = [=](int i) __attribute__((always_inline)) {
    return _mm_loadu_ps(reinterpret_cast<const float*>(rows + i * stride));
  };
  const auto pair = [=](int i) __attribute__((always_inline)) {
    return _mm256_insertf128_ps(_mm256_castps128_ps256(block(i)), block(i + 1), 1);
  };
#endif
#if defined(__AVX512F__)
  return (Vec<T>)_mm512_insertf32x8(_mm512_castps256_ps512(pair(0)), pair(2), 1);
#elif defined(__AVX2__)
  return (Vec<T>)pair(0);
#else
  static_cast<void>(stride);
  return load(rows);
#endif
}

/// Values in 16 bytes: most shuffles work within blocks of that size.
template <class T>
static constexpr int kBlock = 16 / static_cast<int>(sizeof(T));
template <class T, bool kHigh, int... I>
SWIN_INLINE Vec<T> interleave_half(Vec<T> a, Vec<T> b, std::integer_sequence<int, I...>) {
  constexpr int n = sizeof...(I), k = kBlock<T>, first = kHigh ? k / 2 : 0;
  return __builtin_shufflevector(a, b, (I / k * k + first + I % k / 2 + I % 2 * n)...);
}
/// In each block: the lower half of the lanes a₀ b₀ a₁ b₁ …
template <class T>
SWIN_INLINE Vec<T> interleave_low(Vec<T> a, Vec<T> b) {
  return interleave_half<T, false>(a, b, std::make_integer_sequence<int, kLanes<T>>());
}
/// In each block: the upper half of them.
template <class T>
SWIN_INLINE Vec<T> interleave_high(Vec<T> a, Vec<T> b) {
  return interleave_half<T, true>(a, b, std::make_integer_sequence<int, kLanes<T>>());
}
/// Transposes the blocks of kBlock × kBlock in kBlock vectors.
template <class T>
SWIN_INLINE void transpose_blocks(Vec<T>* lines) {
  constexpr int n = kBlock<T>;
  // log₂ n perfect shuffles.
  for (int step = 1; step < n; step *= 2) {
    Vec<T> next[n];
    for (int i = 0; i < n / 2; ++i) {
      next[2 * i] = interleave_low<T>(lines[i], lines[i + n / 2]);
      next[2 * i + 1] = interleave_high<T>(lines[i], lines[i + n / 2]);
    }
    for (int i = 0; i < n; ++i) lines[i] = next[i];
  }
}

/// 2ˣ for x < 128.5. In float: relative error below 2e-7; zero below x = −126.5, infinity from
/// x = 127.5 on. NaN gives NaN. Cheaper than exp.
SWIN_INLINE Vec<float> exp2(Vec<float> x) {
  typedef int32_t Ints __attribute__((vector_size(kVectorBytes)));
  // Adding 1.5 · 2²³ leaves k = round(x) in the low bits, and 127 more makes that the exponent of
  // 2ᵏ. k = −127 gives the exponent 0, which stands for the number 0.
  constexpr float to_integer = 12582912 + 127;
  x = max(broadcast(-127.f), x);
  const Vec<float> shifted = x + to_integer, r = x - (shifted - to_integer);
  // The minimax polynomial of 2ʳ for |r| ≤ 1/2 that is 1 at r = 0.
  Vec<float> p = broadcast(1.3264727e-3f);
  p = fma(p, r, broadcast(9.6715130e-3f));
  p = fma(p, r, broadcast(5.5507336e-2f));
  p = fma(p, r, broadcast(2.4022242e-1f));
  p = fma(p, r, broadcast(6.9314700e-1f));
  p = fma(p, r, broadcast(1.f));
  return p * (Vec<float>)((Ints)shifted << 23);
}
SWIN_INLINE Vec<double> exp2(Vec<double> x) {
  for (int i = 0; i < kLanes<double>; ++i) x[i] = std::exp2(x[i]);
  return x;
}

/// eˣ. In float: relative error below 2e-7; zero below x = −87.3; e^88.37 for all larger x, where
/// the power of two would overflow. NaN gives NaN.
SWIN_INLINE Vec<float> exp(Vec<float> x) {
  typedef int32_t Ints __attribute__((vector_size(kVectorBytes)));
  const Vec<float> low = broadcast(-87.3f);
  const Vec<float> clamped = min(broadcast(88.37f), max(low, x));
  // k = round(x / ln 2): adding 1.5 · 2²³ leaves the integer in the low bits.
  const Vec<float> shifted = fma(clamped, broadcast(1.44269504f), broadcast(12582912.f));
  const Vec<float> k = shifted - 12582912.f;
  Vec<float> r = fma(k, broadcast(-0.693359375f), clamped);
  r = fma(k, broadcast(2.12194440e-4f), r);
  Vec<float> p = broadcast(1.9875691500e-4f);
  p = fma(p, r, broadcast(1.3981999507e-3f));
  p = fma(p, r, broadcast(8.3334519073e-3f));
  p = fma(p, r, broadcast(4.1665795894e-2f));
  p = fma(p, r, broadcast(1.6666665459e-1f));
  p = fma(p, r, broadcast(5.0000001201e-1f));
  p = fma(p * r, r, r + 1.f);
  Ints bits, power;
  std::memcpy(&bits, &shifted, sizeof bits);
  power = (bits - 0x4B400000 + 127) << 23;
  Vec<float> scale;
  std::memcpy(&scale, &power, sizeof scale);
  return x < low ? Vec<float>{} : p * scale;
}
SWIN_INLINE Vec<double> exp(Vec<double> x) {
  for (int i = 0; i < kLanes<double>; ++i) x[i] = std::exp(x[i]);
  return x;
}

/// The standard normal distribution at x: cdf = Φ(x), density = φ(x). Computed through erfc, so
/// that Φ keeps its relative accuracy in the lower tail.
/// Source: Abramowitz and Stegun 7.1.26 (absolute error of erf 1.5e-7).
SWIN_INLINE void normal_distribution(Vec<float> x, Vec<float>& cdf, Vec<float>& density) {
  typedef int32_t Ints __attribute__((vector_size(kVectorBytes)));
  const Vec<float> magnitude = (Vec<float>)((Ints)x & 0x7FFFFFFF);
  const Vec<float> gauss = exp2(x * x * -0.72134752f);  // e^(-x²/2)
  // t = 1 / (1 + p |x| / √2)
  const Vec<float> t = 1.f / fma(magnitude, broadcast(0.23164189f), broadcast(1.f));
  Vec<float> p = broadcast(0.5f * 1.061405429f);
  p = fma(p, t, broadcast(0.5f * -1.453152027f));
  p = fma(p, t, broadcast(0.5f * 1.421413741f));
  p = fma(p, t, broadcast(0.5f * -0.284496736f));
  p = fma(p, t, broadcast(0.5f * 0.254829592f));
  const Vec<float> tail = p * t * gauss;
  cdf = x < 0.f ? tail : 1.f - tail;
  density = gauss * 0.39894228f;
}
SWIN_INLINE void normal_distribution(Vec<double> x, Vec<double>& cdf, Vec<double>& density) {
  for (int i = 0; i < kLanes<double>; ++i) {
    cdf[i] = 0.5 * std::erfc(-x[i] * 0.70710678118654752440);
    density[i] = std::exp(-0.5 * x[i] * x[i]) * 0.39894228040143267794;
  }
}

}  // namespace SWIN_ISA
}  // namespace swin::base
