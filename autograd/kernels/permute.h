// Reorders the axes of a tensor.
#pragma once
#include <cstdint>

#include "autograd/kernels/gradient_target.h"
#include "base/isa.h"

namespace swin::autograd::kernels {

/// Axis i of y is axis axes[i] of x.
/// @param dims of x
extern const base::Kernel<void(const real* x, GradientTarget y, int rank, const int64_t* dims,
                               const int* axes)>
    permute;

}  // namespace swin::autograd::kernels
