// The L1 distance of two images where a mask of patches says so.
#pragma once
#include <cstdint>

#include "autograd/kernels/gradient_target.h"

namespace swin::autograd::kernels {

/// loss = factor · Σ mask[b, y/patch, x/patch] · |prediction − target|.
/// @param prediction, target (batch, height, width, channels)
/// @param mask (batch, height/patch, width/patch)
void masked_l1_forward(const real* prediction, const real* target, const real* mask, real* loss,
                       int64_t batch, int64_t height, int64_t width, int64_t channels,
                       int64_t patch, real factor);
/// dprediction = dloss · factor · mask · sign(prediction − target).
void masked_l1_backward(const real* dloss, const real* prediction, const real* target,
                        const real* mask, GradientTarget dprediction, int64_t batch, int64_t height,
                        int64_t width, int64_t channels, int64_t patch, real factor);

}  // namespace swin::autograd::kernels
