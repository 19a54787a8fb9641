// GELU of rows, on the calling thread: for kernels that take it while the rows are in a cache.
#pragma once
#include <type_traits>

#include "autograd/kernels/ragged.h"

namespace swin::autograd::kernels::SWIN_ISA {

/// Calls f(index, vectors, part) for the vectors of a row, two at once where they are whole: they
/// do not wait for each other.
template <class F>
SWIN_INLINE void for_pairs(int64_t columns, F&& f) {
  constexpr int64_t L = base::kLanes<real>;
  int64_t i = 0;
  for (; i + 2 * L <= columns; i += 2 * L) f(i, std::integral_constant<int, 2>(), Whole{});
  if (i + L <= columns) {
    f(i, std::integral_constant<int, 1>(), Whole{});
    i += L;
  }
  if (i < columns) f(i, std::integral_constant<int, 1>(), Part{columns - i});
}

/// y = GELU(x).
inline void gelu_rows(const real* x, int64_t ldx, real* y, int64_t ldy, int64_t rows,
                      int64_t columns) {
  for (int64_t row = 0; row < rows; ++row, x += ldx, y += ldy)
    for_pairs(
        columns, [&](int64_t i, auto vectors, auto part) __attribute__((always_inline)) {
          constexpr int N = decltype(vectors)::value;
          constexpr int64_t L = base::kLanes<real>;
          base::Vec<real> v[N], cdf[N], density[N];
          for (int n = 0; n < N; ++n) {
            v[n] = part.load(x + i + n * L);
            base::normal_distribution(v[n], cdf[n], density[n]);
          }
          for (int n = 0; n < N; ++n) part.store(y + i + n * L, v[n] * cdf[n]);
        });
}

/// dy becomes dy · GELU'(x), y = GELU(x); dy and y have row stride ld.
inline void gelu_rows_backward(real* dy, int64_t ld, const real* x, int64_t ldx, real* y,
                               int64_t rows, int64_t columns) {
  for (int64_t row = 0; row < rows; ++row, x += ldx, y += ld, dy += ld)
    for_pairs(
        columns, [&](int64_t i, auto vectors, auto part) __attribute__((always_inline)) {
          constexpr int N = decltype(vectors)::value;
          constexpr int64_t L = base::kLanes<real>;
          base::Vec<real> v[N], cdf[N], density[N], d[N];
          for (int n = 0; n < N; ++n) {
            v[n] = part.load(x + i + n * L);
            d[n] = part.load(dy + i + n * L);
            base::normal_distribution(v[n], cdf[n], density[n]);
          }
          for (int n = 0; n < N; ++n) {
            part.store(dy + i + n * L, d[n] * base::fma(v[n], density[n], cdf[n]));
            part.store(y + i + n * L, v[n] * cdf[n]);
          }
        });
}

}  // namespace swin::autograd::kernels::SWIN_ISA
