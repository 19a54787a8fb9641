// Copies non-overlapping patches of images to rows and back, for convolutions whose stride is their
// kernel size.
#pragma once
#include <cstdint>

#include "autograd/kernels/gradient_target.h"
#include "base/isa.h"

namespace swin::autograd::kernels {

/// x (batch, H, W, channels) → patches (batch · H/p · W/p, channels · p · p). Within a patch the
/// order is (channel, row, column), as in the weight of a convolution.
extern const base::Kernel<void(const real* x, real* patches, int64_t batch, int64_t height,
                               int64_t width, int64_t channels, int64_t patch)>
    gather_patches;

/// The inverse, for the gradient.
extern const base::Kernel<void(const real* dpatches, GradientTarget dx, int64_t batch,
                               int64_t height, int64_t width, int64_t channels, int64_t patch)>
    scatter_patches;

}  // namespace swin::autograd::kernels
