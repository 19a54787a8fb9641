#include "autograd/kernels/gather_rows.h"

#include <algorithm>
#include <cstring>

#include "autograd/kernels/row_blocks.h"

namespace swin::autograd::kernels::SWIN_ISA {

void gather_rows(const real* x, GradientTarget y, const int32_t* index, int64_t batch,
                 int64_t rows_in, int64_t rows_out, int64_t dim) {
  if (!y) return;
  const auto copy = [&](int64_t b, int64_t begin, int64_t end) {
    for (int64_t r = begin; r < end; ++r) {
      real* to = y.data + (b * rows_out + r) * dim;
      if (index[r] < 0) {
        if (!y.add) std::fill_n(to, dim, real{0});
        continue;
      }
      const real* from = x + (b * rows_in + index[r]) * dim;
      if (y.add)
        for (int64_t j = 0; j < dim; ++j) to[j] += from[j];
      else
        std::memcpy(to, from, static_cast<size_t>(dim) * sizeof(real));
    }
  };
  for_batch_ranges(batch, rows_out, rows_per_block(dim), copy);
}

void take_rows_forward(const real* x, real* y, const int32_t* index, int64_t rows_out,
                       int64_t dim) {
  if (!y) return;
  base::parallel_ranges(rows_out, rows_per_block(dim), [&](int64_t begin, int64_t end) {
    for (int64_t r = begin; r < end; ++r)
      std::memcpy(y + r * dim, x + index[r] * dim, static_cast<size_t>(dim) * sizeof(real));
  });
}

void take_rows_backward(const real* dy, GradientTarget dx, const int32_t* index, int64_t rows_in,
                        int64_t rows_out, int64_t dim) {
  if (!dx) return;
  // Rows may repeat: each tile has all of them, in order, and columns of its own.
  base::parallel_ranges(dim, 64, [&](int64_t first, int64_t last) {
    for (int64_t r = 0; r < rows_in && !dx.add; ++r)
      std::fill(dx.data + r * dim + first, dx.data + r * dim + last, real{0});
    for (int64_t r = 0; r < rows_out; ++r)
      for (int64_t j = first; j < last; ++j) dx.data[index[r] * dim + j] += dy[r * dim + j];
  });
}

void take_elements_forward(const real* x, real* y, const int32_t* column, int64_t rows,
                           int64_t columns) {
  if (!y) return;
  for (int64_t r = 0; r < rows; ++r) y[r] = x[r * columns + column[r]];
}

void take_elements_backward(const real* dy, GradientTarget dx, const int32_t* column, int64_t rows,
                            int64_t columns) {
  if (!dx) return;
  base::parallel_ranges(rows, rows_per_block(columns), [&](int64_t begin, int64_t end) {
    if (!dx.add) std::fill(dx.data + begin * columns, dx.data + end * columns, real{0});
    for (int64_t r = begin; r < end; ++r) dx.data[r * columns + column[r]] += dy[r];
  });
}

}  // namespace swin::autograd::kernels::SWIN_ISA

namespace swin::autograd::kernels {
SWIN_KERNEL(gather_rows)
SWIN_KERNEL(take_rows_forward)
SWIN_KERNEL(take_rows_backward)
SWIN_KERNEL(take_elements_forward)
SWIN_KERNEL(take_elements_backward)
}  // namespace swin::autograd::kernels
