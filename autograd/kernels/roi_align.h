// RoIAlign: the bins of regions as weighted sums over pixels of the maps of a pyramid.
#pragma once
#include <cstdint>

#include "autograd/kernels/gradient_target.h"
#include "base/isa.h"

namespace swin::autograd::kernels {

/// One map of a pyramid, (images, height, width, channels).
struct RoiFeatures {
  const real* data;
  int64_t height, width;
};
/// The same for its gradient.
struct RoiGradient {
  GradientTarget data;
  int64_t height, width;
};

/// The weights of RoiWeights (roi_sampling.h), and where each region is.
struct RoiBins {
  int64_t regions, size;
  const int32_t* place;  ///< (regions, 2): image, map
  const int64_t* begin;
  const int32_t* first;
  const real* weights;
};

/// y[r, i, j] = Σ weights of bin i of axis y · Σ weights of bin j of axis x · map[image, …, …].
/// @param y (regions, size, size, channels)
extern const base::Kernel<void(const RoiFeatures* maps, const RoiBins& bins, real* y,
                               int64_t channels)>
    roi_align_forward;
/// Adds the regions' gradients in their order, each block of channels by one thread.
/// @param num_maps of dmaps
extern const base::Kernel<void(const real* dy, const RoiGradient* dmaps, int64_t num_maps,
                               const RoiBins& bins, int64_t images, int64_t channels)>
    roi_align_backward;

}  // namespace swin::autograd::kernels
