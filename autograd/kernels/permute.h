// Reorders the axes of a tensor.
#pragma once
#include <cstdint>

#include "autograd/kernels/gradient_target.h"

namespace swin::autograd::kernels {

/// y (columns, rows) = xᵀ for x (rows, columns; row stride ldx).
void transpose(const real* x, int64_t ldx, int64_t rows, int64_t columns, real* y);

/// Axis i of y is axis axes[i] of x.
/// @param dims of x
void permute(const real* x, GradientTarget y, int rank, const int64_t* dims, const int* axes);

}  // namespace swin::autograd::kernels
