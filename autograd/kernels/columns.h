// Copies of column ranges, for concat and slice.
#pragma once
#include <cstdint>

#include "autograd/kernels/gradient_target.h"

namespace swin::autograd::kernels {

/// y[r][j] = x[r][j]; ldx and ldy are the row strides of x and y.
void copy_columns(const real* x, int64_t ldx, GradientTarget y, int64_t ldy, int64_t rows,
                  int64_t columns);

/// y (rows, ldy) holds x (rows, columns) from column `first` on and zeros elsewhere.
void embed_columns(const real* x, GradientTarget y, int64_t ldy, int64_t first, int64_t rows,
                   int64_t columns);

}  // namespace swin::autograd::kernels
