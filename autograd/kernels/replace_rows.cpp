#include "autograd/kernels/replace_rows.h"

#include <algorithm>

#include "autograd/kernels/ragged.h"
#include "autograd/kernels/reduce.h"
#include "autograd/kernels/row_blocks.h"
#include "base/pool.h"

namespace swin::autograd::kernels::SWIN_ISA {

void replace_rows_forward(const real* x, const real* token, const real* mask, real* y, int64_t rows,
                          int64_t dim) {
  if (!y) return;
  for_blocks(rows, dim, [&](int64_t row, int64_t first, int64_t last) {
    const real m = mask[row];
    for (int64_t j = first; j < last; ++j)
      y[row * dim + j] = x[row * dim + j] * (1 - m) + token[j] * m;
  });
}

void replace_rows_backward(const real* dy, const real* mask, GradientTarget dx,
                           GradientTarget dtoken, int64_t rows, int64_t dim) {
  if (dx)
    for_blocks(rows, dim, [&](int64_t row, int64_t first, int64_t last) {
      real* to = dx.data + row * dim;
      for (int64_t j = first; j < last; ++j)
        to[j] = (dx.add ? to[j] : 0) + dy[row * dim + j] * (1 - mask[row]);
    });
  if (!dtoken) return;
  const int64_t length = rows_per_tile(rows, dim), slices = base::divide_up(rows, length);
  const base::Buffer memory = base::allocate(static_cast<size_t>(slices * dim) * sizeof(real));
  real* partials = static_cast<real*>(memory.data());
  base::parallel_ranges(rows, length, [&](int64_t begin, int64_t end) {
    real* to = partials + begin / length * dim;
    std::fill_n(to, dim, real{0});
    for (int64_t row = begin; row < end; ++row)
      for (int64_t j = 0; j < dim; ++j) to[j] += dy[row * dim + j] * mask[row];
  });
  sum_partials(partials, slices, 1, dim, dtoken, dim);
}

}  // namespace swin::autograd::kernels::SWIN_ISA

namespace swin::autograd::kernels {
SWIN_KERNEL(replace_rows_forward)
SWIN_KERNEL(replace_rows_backward)
}  // namespace swin::autograd::kernels
