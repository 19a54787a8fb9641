#include "autograd/kernels/layer_norm.h"

#include <algorithm>
#include <cmath>

#include "autograd/kernels/ragged.h"
#include "base/parallel.h"
#include "base/pool.h"

namespace swin::autograd::kernels::SWIN_ISA {
namespace {

using base::fma;
using base::kLanes;
using base::load;
using base::store;
using Vector = base::Vec<real>;
constexpr int64_t L = kLanes<real>;

}  // namespace

void layer_norm_forward(const real* x, const real* weight, const real* bias, real* y, real* mean,
                        real* rstd, int64_t rows, int64_t dim, real epsilon) {
  if (!y) return;
  const int64_t tile_rows = rows_per_tile(rows, dim), whole = dim / L * L;
  const real inverse = real{1} / static_cast<real>(dim);
  base::parallel_ranges(rows, tile_rows, [&](int64_t begin, int64_t end) {
    for (int64_t row = begin; row < end; ++row) {
      const real* from = x + row * dim;
      Vector total{};
      for (int64_t i = 0; i < dim; i += L) total += load_ragged(from, i, dim);
      const real mu = base::sum(total) * inverse;
      Vector squares{};
      for (int64_t i = 0; i < whole; i += L) {
        const Vector d = load(from + i) - mu;
        squares = fma(d, d, squares);
      }
      real variance = base::sum(squares);
      for (int64_t i = whole; i < dim; ++i) variance += (from[i] - mu) * (from[i] - mu);
      const real r = 1 / std::sqrt(variance * inverse + epsilon);
      mean[row] = mu;
      rstd[row] = r;
      for (int64_t i = 0; i < dim; i += L)
        store_ragged(y + row * dim, i, dim,
                     fma((load_ragged(from, i, dim) - mu) * r, load_ragged(weight, i, dim),
                         load_ragged(bias, i, dim)));
    }
  });
}

void layer_norm_backward(const real* dy, const real* x, const real* weight, const real* mean,
                         const real* rstd, GradientTarget dx, GradientTarget dweight,
                         GradientTarget dbias, int64_t rows, int64_t dim) {
  if (!dx && !dweight && !dbias) return;
  const int64_t tile_rows = rows_per_tile(rows, dim), tiles = base::divide_up(rows, tile_rows);
  const int64_t padded = base::round_to_lanes<real>(dim);
  const real inverse = real{1} / static_cast<real>(dim);
  // Per tile: dweight, then dbias, `padded` elements each.
  const base::Buffer memory =
      base::allocate(static_cast<size_t>(tiles * 2 * padded) * sizeof(real));
  real* partials = static_cast<real*>(memory.data());
  base::parallel_ranges(rows, tile_rows, [&](int64_t begin, int64_t end) {
    real* dw = partials + begin / tile_rows * 2 * padded;
    real* db = dw + padded;
    std::fill_n(dw, 2 * padded, real{0});
    for (int64_t row = begin; row < end; ++row) {
      const real *g = dy + row * dim, *from = x + row * dim;
      const real mu = mean[row], r = rstd[row];
      Vector sum_g{}, sum_gx{};
      for (int64_t i = 0; i < dim; i += L) {
        const Vector d = load_ragged(g, i, dim);
        // In the lanes beyond dim, d is 0, so they do not contribute below.
        const Vector normal = (load_ragged(from, i, dim) - mu) * r;
        store(dw + i, fma(d, normal, load(dw + i)));
        store(db + i, load(db + i) + d);
        const Vector weighted = d * load_ragged(weight, i, dim);
        sum_g += weighted;
        sum_gx = fma(weighted, normal, sum_gx);
      }
      if (!dx) continue;
      const real mean_g = base::sum(sum_g) * inverse, mean_gx = base::sum(sum_gx) * inverse;
      real* to = dx.data + row * dim;
      for (int64_t i = 0; i < dim; i += L) {
        const Vector normal = (load_ragged(from, i, dim) - mu) * r;
        Vector d =
            (load_ragged(g, i, dim) * load_ragged(weight, i, dim) - mean_g - normal * mean_gx) * r;
        if (dx.add) d += load_ragged(to, i, dim);
        store_ragged(to, i, dim, d);
      }
    }
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

namespace swin::autograd::kernels {
SWIN_KERNEL(layer_norm_forward)
SWIN_KERNEL(layer_norm_backward)
}  // namespace swin::autograd::kernels
