// Moves rows by a table of row indices. Roll, window partition and reverse, pad, crop and patch
// merging are this kernel with different tables. Each table is a partial permutation, so the
// backward pass is the same kernel with the inverse table.
#pragma once
#include <cstdint>

#include "autograd/kernels/gradient_target.h"
#include "base/isa.h"

namespace swin::autograd::kernels {

/// y[b][r] = x[b][index[r]], or zeros if index[r] < 0.
/// @param x (batch, rows_in, dim)   @param y (batch, rows_out, dim)   @param index (rows_out)
extern const base::Kernel<void(const real* x, GradientTarget y, const int32_t* index, int64_t batch,
                               int64_t rows_in, int64_t rows_out, int64_t dim)>
    gather_rows;

/// y[r] = x[index[r]]; rows may repeat.
extern const base::Kernel<void(const real* x, real* y, const int32_t* index, int64_t rows_out,
                               int64_t dim)>
    take_rows_forward;

/// dx[index[r]] += dy[r], in order of r. dx is (rows_in, dim).
extern const base::Kernel<void(const real* dy, GradientTarget dx, const int32_t* index,
                               int64_t rows_in, int64_t rows_out, int64_t dim)>
    take_rows_backward;

/// y[r] = x[r][column[r]]; x is (rows, columns).
extern const base::Kernel<void(const real* x, real* y, const int32_t* column, int64_t rows,
                               int64_t columns)>
    take_elements_forward;
/// dx[r][column[r]] = dy[r], and zeros elsewhere.
extern const base::Kernel<void(const real* dy, GradientTarget dx, const int32_t* column,
                               int64_t rows, int64_t columns)>
    take_elements_backward;

}  // namespace swin::autograd::kernels
