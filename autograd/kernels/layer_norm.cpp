#include "autograd/kernels/layer_norm.h"

#include "autograd/kernels/layer_norm_row.h"

namespace swin::autograd::kernels::SWIN_ISA {

using Vector = base::Vec<real>;
constexpr int64_t L = base::kLanes<real>;

void layer_norm_forward(const real* x, const real* weight, const real* bias, real* y, real* mean,
                        real* rstd, int64_t rows, int64_t dim, real epsilon) {
  if (!y) return;
  base::parallel_ranges(rows, rows_per_tile(rows, dim), [&](int64_t begin, int64_t end) {
    for (int64_t row = begin; row < end; ++row) {
      const real* from = x + row * dim;
      const RowStatistics statistics = row_statistics(from, dim, epsilon);
      mean[row] = statistics.mean;
      rstd[row] = statistics.rstd;
      for (int64_t i = 0; i < dim; i += L)
        store_ragged(y + row * dim, i, dim, normalized(from, statistics, weight, bias, i, dim));
    }
  });
}

void layer_norm_backward(const real* dy, const real* x, const real* weight, const real* mean,
                         const real* rstd, GradientTarget dx, GradientTarget dweight,
                         GradientTarget dbias, int64_t rows, int64_t dim) {
  if (!dx && !dweight && !dbias) return;
  const auto x_row = [=](int64_t row) { return x + row * dim; };
  const auto write = [=](int64_t row, int64_t i, Vector d) __attribute__((always_inline)) {
    real* to = dx.data + row * dim;
    if (dx.add) d += load_ragged(to, i, dim);
    store_ragged(to, i, dim, d);
  };
  backward_of_rows(dy, x_row, weight, mean, rstd, static_cast<bool>(dx), dweight, dbias, rows, dim,
                   write);
}

}  // namespace swin::autograd::kernels::SWIN_ISA

namespace swin::autograd::kernels {
SWIN_KERNEL(layer_norm_forward)
SWIN_KERNEL(layer_norm_backward)
}  // namespace swin::autograd::kernels
