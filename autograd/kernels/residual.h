// What the two halves of a block need around their matrix products: rows of some samples are
// normalized, and results are added to them (autograd/ops/residual.cpp). Functions of tiles are
// for epilogues of gemm: they work on the calling thread.
#pragma once
#include <cstdint>

#include "autograd/kernels/gradient_target.h"
#include "base/isa.h"

namespace swin::autograd::kernels {

/// Rows of a batch (B, tokens, dim): those of some samples, as if they stood one after the other.
/// "Compact" below are arrays that hold nothing else.
struct SampleRows {
  const int32_t* samples = nullptr;  ///< null: all samples in their order
  int64_t tokens = 0;                ///< of a sample
};

/// y = (x − mean) · rstd · weight + bias of the rows `at` of x.
/// @param y (rows, dim), compact
/// @param mean, rstd (rows), written
extern const base::Kernel<void(const real* x, const SampleRows& at, const real* weight,
                               const real* bias, real* y, real* mean, real* rstd, int64_t rows,
                               int64_t dim, real epsilon)>
    normalize_samples;
/// The same y again, to the bit, from the mean and rstd of the first time.
extern const base::Kernel<void(const real* x, const SampleRows& at, const real* weight,
                               const real* bias, real* y, const real* mean, const real* rstd,
                               int64_t rows, int64_t dim)>
    normalize_samples_again;
/// The backward pass of x + f(normalized x): dx = dy + the gradient through the norm.
/// @param dnormal (rows, dim), the gradient of the normalized rows, compact
/// @param dy of the sum: the rows `at` of dy and dx
extern const base::Kernel<void(const real* dnormal, const real* x, const SampleRows& at,
                               const real* weight, const real* mean, const real* rstd,
                               const real* dy, GradientTarget dx, GradientTarget dweight,
                               GradientTarget dbias, int64_t rows, int64_t dim)>
    residual_norm_backward;

/// y = x + factor · norm(z) for the rows `at` of x and y.
/// @param z (rows, dim), compact
/// @param mean, rstd (rows), written
extern const base::Kernel<void(const real* x, const SampleRows& at, const real* z,
                               const real* weight, const real* bias, real factor, real* y,
                               real* mean, real* rstd, int64_t rows, int64_t dim, real epsilon)>
    add_normalized;

/// y = x, or y += x, in the rows `at` of both; the others are not touched.
extern const base::Kernel<void(const real* x, const SampleRows& at, GradientTarget y, int64_t rows,
                               int64_t dim)>
    pass_samples;

/// y = x + factor · product, or y += it.
struct ResidualSum {
  const real* x;        ///< rows `at` of (B, tokens, dim)
  const real* product;  ///< (rows, dim), compact; may be y where all samples are there
  real factor;
  GradientTarget y;  ///< rows `at`
  SampleRows at;
  int64_t dim;
};
/// Rows [row, row + rows) and columns [column, column + columns) of the product.
extern const base::Kernel<void(const ResidualSum& sum, int64_t row, int64_t rows, int64_t column,
                               int64_t columns)>
    residual_tile;

/// y = GELU(x) of a tile.
/// @param x, y (rows, columns), row stride ld; may be the same
extern const base::Kernel<void(const real* x, real* y, int64_t ld, int64_t rows, int64_t columns)>
    gelu_tile;
/// dy becomes dy · GELU'(x), and x becomes GELU(x).
/// @param dy, x (rows, columns), row stride ld
extern const base::Kernel<void(real* dy, real* x, int64_t ld, int64_t rows, int64_t columns)>
    gelu_tile_backward;

}  // namespace swin::autograd::kernels
