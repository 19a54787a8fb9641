// Which pixels of a map the bins of a region average, for RoIAlign. The points of a bin are a grid,
// so a bin is a weighted sum over rows of weighted sums over columns. Computed in double, whatever
// `real` is.
// Source: He et al. 2017, arXiv:1703.06870, section 3; torchvision and mmcv, operator roi_align.
#pragma once
#include <cstdint>
#include <vector>

#include "base/real.h"

namespace swin::autograd::kernels {

/// A box x1, y1, x2, y2 in pixels of the padded image, the image of the batch that it is in, and
/// the map that its features are taken from.
struct Roi {
  double x1 = 0, y1 = 0, x2 = 0, y2 = 0;
  int32_t image = 0, map = 0;
};

/// One map of a pyramid.
struct RoiMap {
  int64_t height = 0, width = 0;
  double scale = 1;  ///< its pixels per pixel of the image
};

/// The weights of all regions, on the host. Axis a of region r has `size` bins; bin k = (2 r + a) ·
/// size + i, axis 0 being y, is the sum of weights[e] · (pixel first[k] + e − begin[k]) over e from
/// begin[k] to begin[k + 1] − 1.
struct RoiWeights {
  std::vector<int64_t> begin;  ///< (regions · 2 · size + 1)
  std::vector<int32_t> first;  ///< (regions · 2 · size)
  std::vector<real> weights;
};

/// @param sampling_ratio points of each axis in a bin; 0: the width of the bin, rounded up
/// @param aligned pixel i has its center at i + ½, not at i
/// @param maps those that roi.map counts
RoiWeights roi_weights(const std::vector<Roi>& rois, const std::vector<RoiMap>& maps, int64_t size,
                       int64_t sampling_ratio, bool aligned);

}  // namespace swin::autograd::kernels
