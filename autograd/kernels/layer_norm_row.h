// Layer normalization of single rows, for all kernels that normalize rows: the same row has the
// same bits in each of them.
#pragma once
#include <algorithm>
#include <cmath>

#include "autograd/kernels/gradient_target.h"
#include "autograd/kernels/ragged.h"
#include "base/parallel.h"
#include "base/pool.h"

namespace swin::autograd::kernels::SWIN_ISA {

struct RowStatistics {
  real mean, rstd;
};

/// Of a row of dim elements; the variance is the biased one.
SWIN_INLINE RowStatistics row_statistics(const real* x, int64_t dim, real epsilon) {
  using Vector = base::Vec<real>;
  constexpr int64_t L = base::kLanes<real>;
  const int64_t whole = dim / L * L;
  const real inverse = real{1} / static_cast<real>(dim);
  Vector total{};
  for (int64_t i = 0; i < dim; i += L) total += load_ragged(x, i, dim);
  const real mean = base::sum(total) * inverse;
  Vector squares{};
  for (int64_t i = 0; i < whole; i += L) {
    const Vector d = base::load(x + i) - mean;
    squares = base::fma(d, d, squares);
  }
  real variance = base::sum(squares);
  for (int64_t i = whole; i < dim; ++i) variance += (x[i] - mean) * (x[i] - mean);
  return {mean, 1 / std::sqrt(variance * inverse + epsilon)};
}

/// (x − mean) · rstd · weight + bias of the elements from i on.
SWIN_INLINE base::Vec<real> normalized(const real* x, RowStatistics row, const real* weight,
                                       const real* bias, int64_t i, int64_t dim) {
  return base::fma((load_ragged(x, i, dim) - row.mean) * row.rstd, load_ragged(weight, i, dim),
                   load_ragged(bias, i, dim));
}

/// The backward pass of a row.
/// @param dweight, dbias (dim), are added to
/// @param write called as write(i, d) with the gradient of x, vector by vector; only if needed
template <class Write>
SWIN_INLINE void backward_of_row(const real* dy, const real* x, const real* weight,
                                 RowStatistics row, bool dx_needed, real* dweight, real* dbias,
                                 int64_t dim, Write&& write) {
  using Vector = base::Vec<real>;
  constexpr int64_t L = base::kLanes<real>;
  const real inverse = real{1} / static_cast<real>(dim);
  Vector sum_g{}, sum_gx{};
  for (int64_t i = 0; i < dim; i += L) {
    const Vector d = load_ragged(dy, i, dim);
    // In the lanes beyond dim, d is 0, so they do not contribute below.
    const Vector normal = (load_ragged(x, i, dim) - row.mean) * row.rstd;
    store_ragged(dweight, i, dim, base::fma(d, normal, load_ragged(dweight, i, dim)));
    store_ragged(dbias, i, dim, load_ragged(dbias, i, dim) + d);
    const Vector weighted = d * load_ragged(weight, i, dim);
    sum_g += weighted;
    sum_gx = base::fma(weighted, normal, sum_gx);
  }
  if (!dx_needed) return;
  const real mean_g = base::sum(sum_g) * inverse, mean_gx = base::sum(sum_gx) * inverse;
  for (int64_t i = 0; i < dim; i += L) {
    const Vector normal = (load_ragged(x, i, dim) - row.mean) * row.rstd;
    write(i, (load_ragged(dy, i, dim) * load_ragged(weight, i, dim) - mean_g - normal * mean_gx) *
                 row.rstd);
  }
}

/// The backward pass over rows of dy (rows, dim).
/// @param x_row row → where it begins in x
/// @param write called as write(row, i, d) with the gradient of x, vector by vector; only if needed
template <class XRow, class Write>
SWIN_INLINE void backward_of_rows(const real* dy, XRow&& x_row, const real* weight,
                                  const real* mean, const real* rstd, bool dx_needed,
                                  GradientTarget dweight, GradientTarget dbias, int64_t rows,
                                  int64_t dim, Write&& write) {
  using Vector = base::Vec<real>;
  const int64_t tile_rows = rows_per_tile(rows, dim), tiles = base::divide_up(rows, tile_rows);
  const int64_t padded = base::round_to_lanes<real>(dim);
  // Per tile: dweight, then dbias, `padded` elements each.
  const base::Buffer memory =
      base::allocate(static_cast<size_t>(tiles * 2 * padded) * sizeof(real));
  real* partials = static_cast<real*>(memory.data());
  base::parallel_ranges(rows, tile_rows, [&](int64_t begin, int64_t end) {
    real* dw = partials + begin / tile_rows * 2 * padded;
    real* db = dw + padded;
    std::fill_n(dw, 2 * padded, real{0});
    for (int64_t row = begin; row < end; ++row)
      backward_of_row(
          dy + row * dim, x_row(row), weight, {mean[row], rstd[row]}, dx_needed, dw, db,
          dim, [&](int64_t i, Vector d) __attribute__((always_inline)) { write(row, i, d); });
  });
  // Sums both halves of the partials (tiles, 2 · padded) over the tiles, in order.
  const auto finish = [&](const real* first, GradientTarget to) {
    if (!to) return;
    base::parallel_ranges(dim, 256, [&](int64_t begin, int64_t end) {
      for (int64_t j = begin; j < end; ++j) {
        real total = to.add ? to.data[j] : 0;
        for (int64_t t = 0; t < tiles; ++t) total += first[t * 2 * padded + j];
        to.data[j] = total;
      }
    });
  };
  finish(partials, dweight);
  finish(partials + padded, dbias);
}

}  // namespace swin::autograd::kernels::SWIN_ISA
