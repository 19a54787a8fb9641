// Copies of column ranges, for concat and slice, and the bias of a product.
#pragma once
#include <cstdint>

#include "autograd/kernels/gradient_target.h"
#include "base/isa.h"

namespace swin::autograd::kernels {

/// y[r][j] = x[r][j]; ldx and ldy are the row strides of x and y.
extern const base::Kernel<void(const real* x, int64_t ldx, GradientTarget y, int64_t ldy,
                               int64_t rows, int64_t columns)>
    copy_columns;

/// y (rows, ldy) holds x (rows, columns) from column `first` on and zeros elsewhere.
extern const base::Kernel<void(const real* x, GradientTarget y, int64_t ldy, int64_t first,
                               int64_t rows, int64_t columns)>
    embed_columns;

/// y (rows, columns; row stride ldy) += bias (columns), on the calling thread.
extern const base::Kernel<void(real* y, int64_t ldy, const real* bias, int64_t rows,
                               int64_t columns)>
    add_bias;

}  // namespace swin::autograd::kernels
