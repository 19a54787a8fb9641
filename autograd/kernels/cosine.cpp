#include "autograd/kernels/cosine.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <vector>

#include "autograd/kernels/ragged.h"
#include "autograd/kernels/reduce.h"
#include "base/parallel.h"
#include "base/pool.h"

namespace swin::autograd::kernels::SWIN_ISA {
namespace {

using base::fma;
using Vector = base::Vec<real>;
constexpr int64_t L = base::kLanes<real>;
constexpr real kMinNorm = static_cast<real>(1e-12), kMaxInverse = 1 / kMinNorm;

std::vector<real> factors(const real* logit_scale, int64_t heads) {
  std::vector<real> factor(static_cast<size_t>(heads));
  for (int64_t h = 0; h < heads; ++h)
    factor[static_cast<size_t>(h)] = std::exp(std::min(logit_scale[h], kMaxLogitScale));
  return factor;
}

real dot(const real* a, const real* b, int64_t n) {
  Vector total{};
  for (int64_t j = 0; j < n; j += L) total = fma(load_ragged(a, j, n), load_ragged(b, j, n), total);
  return base::sum(total);
}

// Computes y = x · inverse · factor. Returns inverse = 1 / max(|x|, 1e-12).
real unit_forward(const real* x, real factor, real* y, int64_t n) {
  const real norm = std::sqrt(dot(x, x, n));
  const real inverse = norm < kMinNorm ? kMaxInverse : 1 / norm, step = inverse * factor;
  for (int64_t j = 0; j < n; j += L) store_ragged(y, j, n, load_ragged(x, j, n) * step);
  return inverse;
}

// Computes dx for y = x̂ · factor, x̂ = x · inverse. Returns x̂ · dy.
real unit_backward(const real* dy, const real* x, real inverse, real factor, GradientTarget dx,
                   int64_t n) {
  const real along = dot(dy, x, n) * inverse;
  if (!dx) return along;
  // A norm that was clamped to 1e-12 does not depend on x.
  const real back = inverse < kMaxInverse ? along * inverse : 0, step = inverse * factor;
  for (int64_t j = 0; j < n; j += L) {
    Vector d = (load_ragged(dy, j, n) - load_ragged(x, j, n) * back) * step;
    if (dx.add) d += load_ragged(dx.data, j, n);
    store_ragged(dx.data, j, n, d);
  }
  return along;
}

}  // namespace

void l2_normalize_forward(const real* x, real* y, real* inverse, int64_t rows, int64_t dim) {
  if (!y) return;
  base::parallel_ranges(rows, rows_per_tile(rows, dim), [&](int64_t begin, int64_t end) {
    for (int64_t row = begin; row < end; ++row) {
      const real r = unit_forward(x + row * dim, 1, y + row * dim, dim);
      if (inverse) inverse[row] = r;
    }
  });
}

void l2_normalize_backward(const real* dy, const real* x, const real* inverse, GradientTarget dx,
                           int64_t rows, int64_t dim) {
  if (!dx) return;
  base::parallel_ranges(rows, rows_per_tile(rows, dim), [&](int64_t begin, int64_t end) {
    for (int64_t row = begin; row < end; ++row)
      unit_backward(dy + row * dim, x + row * dim, inverse[row], 1, {dx.data + row * dim, dx.add},
                    dim);
  });
}

void cosine_qkv_forward(const real* qkv, const real* logit_scale, real* y, real* inverse,
                        int64_t rows, int64_t heads, int64_t head_dim) {
  if (!y) return;
  const int64_t dim = heads * head_dim, tile_rows = rows_per_tile(rows, 3 * dim);
  const std::vector<real> factor = factors(logit_scale, heads);
  base::parallel_ranges(rows, tile_rows, [&](int64_t begin, int64_t end) {
    for (int64_t row = begin; row < end; ++row) {
      const real* from = qkv + row * 3 * dim;
      real* to = y + row * 3 * dim;
      for (int64_t part = 0; part < 2; ++part)
        for (int64_t h = 0; h < heads; ++h) {
          const int64_t first = part * dim + h * head_dim;
          const real r = unit_forward(from + first, part == 0 ? factor[static_cast<size_t>(h)] : 1,
                                      to + first, head_dim);
          if (inverse) inverse[(row * 2 + part) * heads + h] = r;
        }
      std::memcpy(to + 2 * dim, from + 2 * dim, static_cast<size_t>(dim) * sizeof(real));
    }
  });
}

void cosine_qkv_backward(const real* dy, const real* qkv, const real* logit_scale,
                         const real* inverse, GradientTarget dqkv, GradientTarget dlogit_scale,
                         int64_t rows, int64_t heads, int64_t head_dim) {
  if (!dqkv && !dlogit_scale) return;
  const int64_t dim = heads * head_dim, tile_rows = rows_per_tile(rows, 3 * dim);
  const int64_t tiles = base::divide_up(rows, tile_rows);
  const std::vector<real> factor = factors(logit_scale, heads);
  const base::Buffer memory = base::allocate(static_cast<size_t>(tiles * heads) * sizeof(real));
  real* partials = static_cast<real*>(memory.data());
  base::parallel_for(tiles, [&](int64_t tile) {
    real* dscale = partials + tile * heads;
    std::fill_n(dscale, heads, real{0});
    const int64_t end = std::min(rows, (tile + 1) * tile_rows);
    for (int64_t row = tile * tile_rows; row < end; ++row) {
      const real *g = dy + row * 3 * dim, *x = qkv + row * 3 * dim;
      const real* r = inverse + row * 2 * heads;
      const GradientTarget to = {dqkv ? dqkv.data + row * 3 * dim : nullptr, dqkv.add};
      const auto part_of = [&](int64_t first) {
        return GradientTarget{to ? to.data + first : nullptr, to.add};
      };
      for (int64_t h = 0; h < heads; ++h) {
        const int64_t q = h * head_dim, k = dim + q;
        const real e = factor[static_cast<size_t>(h)];
        dscale[h] += unit_backward(g + q, x + q, r[h], e, part_of(q), head_dim);
        if (to) unit_backward(g + k, x + k, r[heads + h], 1, part_of(k), head_dim);
      }
      if (!to) continue;
      for (int64_t j = 2 * dim; j < 3 * dim; ++j) to.data[j] = (to.add ? to.data[j] : 0) + g[j];
    }
    for (int64_t h = 0; h < heads; ++h)
      dscale[h] *= logit_scale[h] <= kMaxLogitScale ? factor[static_cast<size_t>(h)] : 0;
  });
  sum_partials(partials, tiles, 1, heads, dlogit_scale, heads);
}

}  // namespace swin::autograd::kernels::SWIN_ISA

namespace swin::autograd::kernels {
SWIN_KERNEL(l2_normalize_forward)
SWIN_KERNEL(l2_normalize_backward)
SWIN_KERNEL(cosine_qkv_forward)
SWIN_KERNEL(cosine_qkv_backward)
}  // namespace swin::autograd::kernels
