// Moving rows of channels: roll, window partition and reverse, pad, crop and the gathering half of
// patch merging are all one kernel with another table of row numbers. Each is a partial
// permutation, so its backward is the same kernel with the inverse table.
#pragma once
#include <cstdint>

#include "autograd/kernels/target.h"

namespace swin::autograd::kernels {

/// y[b][r] = x[b][index[r]], or zeros where index[r] < 0.
/// @param x (batch, rows_in, dim)   @param y (batch, rows_out, dim)   @param index (rows_out)
void gather_rows(const real* x, Target y, const int32_t* index, int64_t batch, int64_t rows_in,
                 int64_t rows_out, int64_t dim);

/// y[r] = x[index[r]], rows may repeat: the look-up of a relative position bias.
void take_rows_forward(const real* x, real* y, const int32_t* index, int64_t rows_out, int64_t dim);
/// dx[index[r]] += dy[r], in order of r. dx is (rows_in, dim).
void take_rows_backward(const real* dy, Target dx, const int32_t* index, int64_t rows_in,
                        int64_t rows_out, int64_t dim);

/// patches (batch · H/p · W/p, channels · p · p) of x (batch, H, W, channels); a patch is ordered
/// (channel, row, column) as a convolution's weight is.
void gather_patches(const real* x, real* patches, int64_t batch, int64_t height, int64_t width,
                    int64_t channels, int64_t patch);
/// The transpose: dx from dpatches.
void scatter_patches(const real* dpatches, Target dx, int64_t batch, int64_t height, int64_t width,
                     int64_t channels, int64_t patch);

/// y (columns, rows) = xᵀ for x (rows, columns; row stride ldx).
void transpose(const real* x, int64_t ldx, int64_t rows, int64_t columns, real* y);

/// y = x with axes reordered: axis i of y is axis axes[i] of x. @param sides of x.
void permute(const real* x, Target y, int rank, const int64_t* sides, const int* axes);

/// y[r][j] = x[r][j]; ldx and ldy are the lengths of the rows they are cut from or put into.
void copy_columns(const real* x, int64_t ldx, Target y, int64_t ldy, int64_t rows, int64_t columns);
/// y (rows, ldy) = x (rows, columns) from column `first` on, zeros elsewhere.
void embed_columns(const real* x, Target y, int64_t ldy, int64_t first, int64_t rows,
                   int64_t columns);

/// y = x (1 − mask) + token · mask, row by row.
/// @param x (rows, dim)   @param token (dim)   @param mask (rows)
void replace_rows_forward(const real* x, const real* token, const real* mask, real* y, int64_t rows,
                          int64_t dim);
void replace_rows_backward(const real* dy, const real* mask, Target dx, Target dtoken, int64_t rows,
                           int64_t dim);

/// y (numel of sides) = x + b, b broadcast: side i of b is sides[i] or 1.
void broadcast_add_forward(const real* x, const real* b, real* y, int rank, const int64_t* sides,
                           const int64_t* b_sides);
/// The same without x.
void broadcast_forward(const real* b, real* y, int rank, const int64_t* sides,
                       const int64_t* b_sides);
/// db = Σ of dy over the axes where b was broadcast, in row-major order.
void broadcast_backward(const real* dy, Target db, int rank, const int64_t* sides,
                        const int64_t* b_sides);

}  // namespace swin::autograd::kernels
