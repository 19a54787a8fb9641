// Some samples of a batch: taken out of it, and added to it.
#pragma once
#include <cstdint>

#include "autograd/kernels/gradient_target.h"
#include "base/isa.h"

namespace swin::autograd::kernels {

/// y[s] = factor · x[index[s]], or zeros if index[s] < 0.
/// @param x (…, numel)   @param y (samples, numel)   @param index (samples)
extern const base::Kernel<void(const real* x, real factor, GradientTarget y, const int32_t* index,
                               int64_t samples, int64_t numel)>
    take_samples;

/// y[s] = x[s] + factor · part[index[s]], or x[s] if index[s] < 0.
/// @param x, y (samples, numel)   @param part (…, numel)   @param index (samples)
extern const base::Kernel<void(const real* x, const real* part, real factor, real* y,
                               const int32_t* index, int64_t samples, int64_t numel)>
    add_samples;

}  // namespace swin::autograd::kernels
