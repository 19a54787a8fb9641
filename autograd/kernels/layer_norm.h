// Layer normalization over the last axis.
#pragma once
#include <cstdint>

#include "autograd/kernels/gradient_target.h"

namespace swin::autograd::kernels {

/// y = (x − mean) · rstd · weight + bias, rstd = 1/√(variance + epsilon), variance over dim
/// (biased).
/// @param x (rows, dim)   @param weight, bias (dim)   @param mean, rstd (rows), saved for backward.
void layer_norm_forward(const real* x, const real* weight, const real* bias, real* y, real* mean,
                        real* rstd, int64_t rows, int64_t dim, real epsilon);
void layer_norm_backward(const real* dy, const real* x, const real* weight, const real* mean,
                         const real* rstd, GradientTarget dx, GradientTarget dweight,
                         GradientTarget dbias, int64_t rows, int64_t dim);

}  // namespace swin::autograd::kernels
