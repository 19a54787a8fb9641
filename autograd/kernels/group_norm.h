// Normalization by the statistics of groups of channels: group norm, where an image has `groups` of
// them; batch norm, where all images count as one and every channel is a group; and frozen norm,
// whose statistics are given.
#pragma once
#include <cstdint>

#include "autograd/kernels/gradient_target.h"
#include "base/isa.h"

namespace swin::autograd::kernels {

/// A map (images, rows, channels). A group is rows × channels/groups values of one image.
struct NormSizes {
  int64_t images = 1, rows = 0, channels = 0, groups = 0;
};

/// Mean, rstd = 1/√(variance + epsilon) with the biased variance, and the unbiased variance of each
/// group.
/// @param mean, rstd (images, groups)   @param variance the same, or null
extern const base::Kernel<void(const real* x, real* mean, real* rstd, real* variance,
                               const NormSizes& sizes, real epsilon)>
    group_statistics;
/// rstd = 1/√(variance + epsilon).
extern const base::Kernel<void(const real* variance, real* rstd, int64_t count, real epsilon)>
    inverse_deviations;

/// y = (x − mean) · rstd · weight + bias.
/// @param weight, bias (channels)   @param mean, rstd (images, groups)
extern const base::Kernel<void(const real* x, const real* weight, const real* bias,
                               const real* mean, const real* rstd, real* y, const NormSizes& sizes)>
    group_norm_forward;
/// @param fixed whether mean and rstd are constants: then dx = dy · rstd · weight, and x is read
/// for
///     dweight alone
extern const base::Kernel<void(const real* dy, const real* x, const real* weight, const real* mean,
                               const real* rstd, bool fixed, GradientTarget dx,
                               GradientTarget dweight, GradientTarget dbias,
                               const NormSizes& sizes)>
    group_norm_backward;

}  // namespace swin::autograd::kernels
