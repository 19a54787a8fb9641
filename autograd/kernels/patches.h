// Non-overlapping patches of an image as rows, for a convolution whose stride is its kernel size.
#pragma once
#include <cstdint>

#include "autograd/kernels/gradient_target.h"

namespace swin::autograd::kernels {

/// patches (batch · H/p · W/p, channels · p · p) of x (batch, H, W, channels); a patch is ordered
/// (channel, row, column) as a convolution's weight is.
void gather_patches(const real* x, real* patches, int64_t batch, int64_t height, int64_t width,
                    int64_t channels, int64_t patch);

/// The transpose: dx from dpatches.
void scatter_patches(const real* dpatches, GradientTarget dx, int64_t batch, int64_t height,
                     int64_t width, int64_t channels, int64_t patch);

}  // namespace swin::autograd::kernels
