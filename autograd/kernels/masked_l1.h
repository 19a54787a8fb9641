// The L1 distance of two images where a mask of patches says so.
#pragma once
#include <cstdint>

#include "autograd/kernels/gradient_target.h"
#include "base/isa.h"

namespace swin::autograd::kernels {

/// loss = factor · Σ mask[b, y/patch, x/patch] · |prediction − target|.
/// @param prediction, target (batch, height, width, channels)
/// @param mask (batch, height/patch, width/patch)
extern const base::Kernel<void(const real* prediction, const real* target, const real* mask,
                               real* loss, int64_t batch, int64_t height, int64_t width,
                               int64_t channels, int64_t patch, real factor)>
    masked_l1_forward;
/// dprediction = dloss · factor · mask · sign(prediction − target).
extern const base::Kernel<void(const real* dloss, const real* prediction, const real* target,
                               const real* mask, GradientTarget dprediction, int64_t batch,
                               int64_t height, int64_t width, int64_t channels, int64_t patch,
                               real factor)>
    masked_l1_backward;

}  // namespace swin::autograd::kernels
