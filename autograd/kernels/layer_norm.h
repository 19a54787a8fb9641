// Layer normalization over the last axis.
#pragma once
#include <cstdint>

#include "autograd/kernels/gradient_target.h"
#include "base/isa.h"

namespace swin::autograd::kernels {

/// y = (x − mean) · rstd · weight + bias, rstd = 1/√(variance + epsilon), variance over dim
/// (biased).
/// @param x (rows, dim)   @param weight, bias (dim)   @param mean, rstd (rows), saved for backward.
extern const base::Kernel<void(const real* x, const real* weight, const real* bias, real* y,
                               real* mean, real* rstd, int64_t rows, int64_t dim, real epsilon)>
    layer_norm_forward;
extern const base::Kernel<void(const real* dy, const real* x, const real* weight, const real* mean,
                               const real* rstd, GradientTarget dx, GradientTarget dweight,
                               GradientTarget dbias, int64_t rows, int64_t dim)>
    layer_norm_backward;

}  // namespace swin::autograd::kernels
