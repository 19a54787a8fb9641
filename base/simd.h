// Portable vector code with GCC's vector extension: vectors of 64 bytes (16 floats or 8 doubles).
// With AVX-512 a vector is one register, with AVX2 two; on other machines the compiler lowers it.
// fma is an intrinsic, because GCC does not contract under -ffp-contract=off. In double, exp and
// erf are the library's: the double build is the reference.
#pragma once
#include <cmath>
#include <cstdint>
#include <cstring>
#if defined(__AVX2__) || defined(__AVX512F__)
#include <immintrin.h>
#endif

namespace swin::base {

template <class T>
struct VecOf {
  typedef T type __attribute__((vector_size(64)));
};
template <class T>
using Vec = typename VecOf<T>::type;
template <class T>
inline constexpr int64_t kLanes = 64 / static_cast<int64_t>(sizeof(T));
/// n rounded up to whole vectors.
template <class T>
constexpr int64_t round_to_lanes(int64_t n) {
  return (n + kLanes<T> - 1) / kLanes<T> * kLanes<T>;
}

template <class T>
inline __attribute__((always_inline)) Vec<T> load(const T* p) {
  typedef T Unaligned __attribute__((vector_size(64), aligned(sizeof(T)), may_alias));
  return *reinterpret_cast<const Unaligned*>(p);
}
template <class T>
inline __attribute__((always_inline)) void store(T* p, Vec<T> v) {
  typedef T Unaligned __attribute__((vector_size(64), aligned(sizeof(T)), may_alias));
  *reinterpret_cast<Unaligned*>(p) = v;
}
template <class T>
inline __attribute__((always_inline)) Vec<T> broadcast(T x) {
  return x - Vec<T>{};
}

#if defined(__AVX512F__)
inline Vec<float> load_partial(const float* p, int64_t n) {
  return _mm512_maskz_loadu_ps(static_cast<__mmask16>((1u << n) - 1), p);
}
inline void store_partial(float* p, int64_t n, Vec<float> v) {
  _mm512_mask_storeu_ps(p, static_cast<__mmask16>((1u << n) - 1), v);
}
inline Vec<double> load_partial(const double* p, int64_t n) {
  return _mm512_maskz_loadu_pd(static_cast<__mmask8>((1u << n) - 1), p);
}
inline void store_partial(double* p, int64_t n, Vec<double> v) {
  _mm512_mask_storeu_pd(p, static_cast<__mmask8>((1u << n) - 1), v);
}
inline Vec<float> fma(Vec<float> a, Vec<float> b, Vec<float> c) { return _mm512_fmadd_ps(a, b, c); }
inline Vec<double> fma(Vec<double> a, Vec<double> b, Vec<double> c) {
  return _mm512_fmadd_pd(a, b, c);
}
#else
/// Loads the first n < kLanes values; the other lanes are zero.
template <class T>
inline Vec<T> load_partial(const T* p, int64_t n) {
  Vec<T> v{};
  std::memcpy(&v, p, static_cast<size_t>(n) * sizeof(T));
  return v;
}
template <class T>
inline void store_partial(T* p, int64_t n, Vec<T> v) {
  std::memcpy(p, &v, static_cast<size_t>(n) * sizeof(T));
}
#if defined(__AVX2__) && defined(__FMA__)
inline Vec<float> fma(Vec<float> a, Vec<float> b, Vec<float> c) {
  union Halves {
    Vec<float> whole;
    __m256 half[2];
  } x{a}, y{b}, z{c};
  z.half[0] = _mm256_fmadd_ps(x.half[0], y.half[0], z.half[0]);
  z.half[1] = _mm256_fmadd_ps(x.half[1], y.half[1], z.half[1]);
  return z.whole;
}
inline Vec<double> fma(Vec<double> a, Vec<double> b, Vec<double> c) {
  union Halves {
    Vec<double> whole;
    __m256d half[2];
  } x{a}, y{b}, z{c};
  z.half[0] = _mm256_fmadd_pd(x.half[0], y.half[0], z.half[0]);
  z.half[1] = _mm256_fmadd_pd(x.half[1], y.half[1], z.half[1]);
  return z.whole;
}
#else
template <class V>
inline V fma(V a, V b, V c) {
  return a * b + c;
}
#endif
#endif

template <class V>
inline V max(V a, V b) {
  return a > b ? a : b;
}
template <class V>
inline V min(V a, V b) {
  return a < b ? a : b;
}

/// Combines all lanes in a fixed order: the upper half with the lower until one is left.
template <class Combine>
inline float fold(Vec<float> v, Combine combine) {
  typedef float Half __attribute__((vector_size(32)));
  typedef float Quarter __attribute__((vector_size(16)));
  Half h[2];
  std::memcpy(h, &v, 64);
  const Half s = combine(h[0], h[1]);
  Quarter q[2];
  std::memcpy(q, &s, 32);
  const Quarter t = combine(q[0], q[1]);
  return combine(combine(t[0], t[2]), combine(t[1], t[3]));
}
/// The sum of all lanes, in the order of fold.
inline float sum(Vec<float> v) {
  return fold(v, [](auto a, auto b) { return a + b; });
}
inline double sum(Vec<double> v) {
  return ((v[0] + v[4]) + (v[2] + v[6])) + ((v[1] + v[5]) + (v[3] + v[7]));
}
inline float max_lane(Vec<float> v) {
  return fold(v, [](auto a, auto b) { return max(a, b); });
}
inline double max_lane(Vec<double> v) {
  double best = v[0];
  for (int i = 1; i < 8; ++i) best = best > v[i] ? best : v[i];
  return best;
}

/// eˣ. In float: relative error below 2e-7; zero below x = −87.3; e^88.37 for all larger x, where
/// the power of two would overflow. NaN gives NaN.
inline Vec<float> exp(Vec<float> x) {
  typedef int32_t Ints __attribute__((vector_size(64)));
  const Vec<float> low = broadcast(-87.3f);
  // max and min return their second argument if either is NaN.
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
  std::memcpy(&bits, &shifted, 64);
  power = (bits - 0x4B400000 + 127) << 23;
  Vec<float> scale;
  std::memcpy(&scale, &power, 64);
  return x < low ? Vec<float>{} : p * scale;
}
inline Vec<double> exp(Vec<double> x) {
  for (int i = 0; i < 8; ++i) x[i] = std::exp(x[i]);
  return x;
}

/// The standard normal distribution at x: cdf = Φ(x), density = φ(x). Computed through erfc, so
/// that Φ keeps its relative accuracy in the lower tail.
/// Source: Abramowitz and Stegun 7.1.26 (absolute error of erf 1.5e-7).
inline void normal_distribution(Vec<float> x, Vec<float>& cdf, Vec<float>& density) {
  const Vec<float> magnitude = x < 0.f ? -x : x;
  const Vec<float> gauss = exp(x * x * -0.5f);
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
inline void normal_distribution(Vec<double> x, Vec<double>& cdf, Vec<double>& density) {
  for (int i = 0; i < 8; ++i) {
    cdf[i] = 0.5 * std::erfc(-x[i] * 0.70710678118654752440);
    density[i] = std::exp(-0.5 * x[i] * x[i]) * 0.39894228040143267794;
  }
}

}  // namespace swin::base
