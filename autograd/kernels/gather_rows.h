// Moves rows by a table of row indices. Roll, window partition and reverse, pad, crop and patch
// merging are this kernel with different tables. Each table is a partial permutation, so the
// backward pass is the same kernel with the inverse table.
#pragma once
#include <cstdint>

#include "autograd/kernels/gradient_target.h"

namespace swin::autograd::kernels {

/// y[b][r] = x[b][index[r]], or zeros if index[r] < 0.
/// @param x (batch, rows_in, dim)   @param y (batch, rows_out, dim)   @param index (rows_out)
void gather_rows(const real* x, GradientTarget y, const int32_t* index, int64_t batch,
                 int64_t rows_in, int64_t rows_out, int64_t dim);

/// y[r] = x[index[r]]; rows may repeat. Looks up the relative position bias.
void take_rows_forward(const real* x, real* y, const int32_t* index, int64_t rows_out, int64_t dim);

/// dx[index[r]] += dy[r], in order of r. dx is (rows_in, dim).
void take_rows_backward(const real* dy, GradientTarget dx, const int32_t* index, int64_t rows_in,
                        int64_t rows_out, int64_t dim);

}  // namespace swin::autograd::kernels
