#include "autograd/kernels/residual.h"

#include "autograd/kernels/gelu_rows.h"
#include "autograd/kernels/row_blocks.h"
#include "autograd/kernels/sample_rows.h"

namespace swin::autograd::kernels::SWIN_ISA {
namespace {

using base::kLanes;
using Vector = base::Vec<real>;
constexpr int64_t L = kLanes<real>;

// Calls f(compact row) for all rows, in parallel.
template <class F>
void for_rows(int64_t rows, int64_t dim, F&& f) {
  base::parallel_ranges(rows, rows_per_block(dim), [&](int64_t begin, int64_t end) {
    for (int64_t row = begin; row < end; ++row) f(row);
  });
}

}  // namespace

void normalize_samples(const real* x, const SampleRows& at, const real* weight, const real* bias,
                       real* y, real* mean, real* rstd, int64_t rows, int64_t dim, real epsilon) {
  if (!y) return;
  base::parallel_ranges(rows, rows_per_block(dim), [&](int64_t begin, int64_t end) {
    normalize_rows(x, at, begin, end - begin, dim, weight, bias, epsilon, mean, rstd,
                   y + begin * dim);
  });
}

void normalize_samples_again(const real* x, const SampleRows& at, const real* weight,
                             const real* bias, real* y, const real* mean, const real* rstd,
                             int64_t rows, int64_t dim) {
  if (!y) return;
  base::parallel_ranges(rows, rows_per_block(dim), [&](int64_t begin, int64_t end) {
    normalize_rows_again(x, at, begin, end - begin, dim, weight, bias, mean, rstd, y + begin * dim);
  });
}

void residual_norm_backward(const real* dnormal, const real* x, const SampleRows& at,
                            const real* weight, const real* mean, const real* rstd, const real* dy,
                            GradientTarget dx, GradientTarget dweight, GradientTarget dbias,
                            int64_t rows, int64_t dim) {
  if (!dx && !dweight && !dbias) return;
  const auto x_row = [&](int64_t row) { return x + row_of(at, row) * dim; };
  const auto write = [&](int64_t row, int64_t i, Vector d) __attribute__((always_inline)) {
    const int64_t first = row_of(at, row) * dim;
    d += load_ragged(dy + first, i, dim);
    if (dx.add) d += load_ragged(dx.data + first, i, dim);
    store_ragged(dx.data + first, i, dim, d);
  };
  backward_of_rows(dnormal, x_row, weight, mean, rstd, static_cast<bool>(dx), dweight, dbias, rows,
                   dim, write);
}

void add_normalized(const real* x, const SampleRows& at, const real* z, const real* weight,
                    const real* bias, real factor, real* y, real* mean, real* rstd, int64_t rows,
                    int64_t dim, real epsilon) {
  if (!y) return;
  for_rows(rows, dim, [&](int64_t row) {
    const real* from = z + row * dim;
    const int64_t first = row_of(at, row) * dim;
    const RowStatistics statistics = row_statistics(from, dim, epsilon);
    mean[row] = statistics.mean;
    rstd[row] = statistics.rstd;
    for (int64_t i = 0; i < dim; i += L)
      store_ragged(y + first, i, dim,
                   load_ragged(x + first, i, dim) +
                       factor * normalized(from, statistics, weight, bias, i, dim));
  });
}

void pass_samples(const real* x, const SampleRows& at, GradientTarget y, int64_t rows,
                  int64_t dim) {
  if (!y) return;
  for_rows(rows, dim, [&](int64_t row) {
    const int64_t first = row_of(at, row) * dim;
    const real* from = x + first;
    real* to = y.data + first;
    if (!y.add) {
      std::copy_n(from, dim, to);
      return;
    }
    for_vectors(
        dim, [&](int64_t i, auto part) __attribute__((always_inline)) {
          part.store(to + i, part.load(to + i) + part.load(from + i));
        });
  });
}

void residual_tile(const ResidualSum& sum, int64_t row, int64_t rows, int64_t column,
                   int64_t columns) {
  for (int64_t r = row; r < row + rows; ++r) {
    const int64_t first = row_of(sum.at, r) * sum.dim + column;
    const real *x = sum.x + first, *product = sum.product + r * sum.dim + column;
    real* y = sum.y.data + first;
    for_vectors(
        columns, [&](int64_t i, auto part) __attribute__((always_inline)) {
          Vector v = part.load(x + i) + sum.factor * part.load(product + i);
          if (sum.y.add) v += part.load(y + i);
          part.store(y + i, v);
        });
  }
}

void gelu_tile(const real* x, real* y, int64_t ld, int64_t rows, int64_t columns) {
  gelu_rows(x, ld, y, ld, rows, columns);
}

void gelu_tile_backward(real* dy, real* x, int64_t ld, int64_t rows, int64_t columns) {
  gelu_rows_backward(dy, ld, x, ld, x, rows, columns);
}

}  // namespace swin::autograd::kernels::SWIN_ISA

namespace swin::autograd::kernels {
SWIN_KERNEL(normalize_samples)
SWIN_KERNEL(normalize_samples_again)
SWIN_KERNEL(residual_norm_backward)
SWIN_KERNEL(add_normalized)
SWIN_KERNEL(pass_samples)
SWIN_KERNEL(residual_tile)
SWIN_KERNEL(gelu_tile)
SWIN_KERNEL(gelu_tile_backward)
}  // namespace swin::autograd::kernels
