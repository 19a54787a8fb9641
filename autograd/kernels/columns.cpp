#include "autograd/kernels/columns.h"

#include <algorithm>

#include "autograd/kernels/row_blocks.h"

namespace swin::autograd::kernels::SWIN_ISA {

void copy_columns(const real* x, int64_t ldx, GradientTarget y, int64_t ldy, int64_t rows,
                  int64_t columns) {
  if (!y) return;
  for_blocks(rows, columns, [&](int64_t row, int64_t first, int64_t last) {
    const real* from = x + row * ldx;
    real* to = y.data + row * ldy;
    if (y.add)
      for (int64_t j = first; j < last; ++j) to[j] += from[j];
    else
      std::copy(from + first, from + last, to + first);
  });
}

void embed_columns(const real* x, GradientTarget y, int64_t ldy, int64_t first, int64_t rows,
                   int64_t columns) {
  if (!y) return;
  const auto clear = [&](int64_t begin, int64_t end) {
    for_blocks(rows, end - begin, [&](int64_t row, int64_t a, int64_t b) {
      std::fill(y.data + row * ldy + begin + a, y.data + row * ldy + begin + b, real{0});
    });
  };
  if (!y.add) {
    clear(0, first);
    clear(first + columns, ldy);
  }
  copy_columns(x, columns, {y.data + first, y.add}, ldy, rows, columns);
}

void add_bias(real* y, int64_t ldy, const real* bias, int64_t rows, int64_t columns) {
  for (int64_t i = 0; i < rows; ++i)
    for (int64_t j = 0; j < columns; ++j) y[i * ldy + j] += bias[j];
}

}  // namespace swin::autograd::kernels::SWIN_ISA

namespace swin::autograd::kernels {
SWIN_KERNEL(copy_columns)
SWIN_KERNEL(embed_columns)
SWIN_KERNEL(add_bias)
}  // namespace swin::autograd::kernels
