// Replaces masked rows by one row, the mask token of SimMIM.
#pragma once
#include <cstdint>

#include "autograd/kernels/gradient_target.h"
#include "base/isa.h"

namespace swin::autograd::kernels {

/// y = x (1 − mask) + token · mask, row by row.
/// @param x (rows, dim)   @param token (dim)   @param mask (rows)
extern const base::Kernel<void(const real* x, const real* token, const real* mask, real* y,
                               int64_t rows, int64_t dim)>
    replace_rows_forward;
extern const base::Kernel<void(const real* dy, const real* mask, GradientTarget dx,
                               GradientTarget dtoken, int64_t rows, int64_t dim)>
    replace_rows_backward;

}  // namespace swin::autograd::kernels
