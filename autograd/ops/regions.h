// The section regions.cpp of ops.h, whose conventions hold here: regions of maps, and boxes.
#pragma once
#include <array>
#include <cstdint>
#include <vector>

#include "autograd/kernels/roi_sampling.h"
#include "autograd/tensor/tensor.h"

namespace swin::autograd {

/// A box x1, y1, x2, y2 in pixels of the padded image, the image of the batch that it is in, and
/// the map that its features are taken from.
using Roi = kernels::Roi;

struct RoiAlignOptions {
  int64_t size = 7;  ///< bins of each axis
  int64_t sampling_ratio =
      0;                ///< points of each axis in a bin; 0: the width of the bin, rounded up
  bool aligned = true;  ///< pixel i has its center at i + ½, not at i
};

/// RoIAlign over a pyramid of maps: the mean of the points in each bin of a region. The points of
/// an axis are evenly spaced, and bilinear between the centers of pixels; a point more than a pixel
/// outside the map is 0. Without `aligned` a region is at least one pixel of its map in size.
/// A region with a coordinate that is not finite is all zeros, as is one without points, which of
/// adaptive sampling (sampling_ratio 0) are those whose width or height is not positive.
/// @param maps (B, Hᵢ, Wᵢ, C) each, with the same B and C; at least one
/// @param scales pixels of each map per pixel of the image
/// @param rois with image below B and map below the number of maps; may be none
/// @return (regions, size, size, C), in the order of `rois`
/// Gradient: maps. Boxes are constants. Gradients of regions that share a pixel are added in order.
/// Saves: the weights of each region's pixels in its bins, per axis.
/// Source: He et al. 2017, arXiv:1703.06870, section 3, as torchvision's and mmcv's roi_align.
Tensor roi_align(const std::vector<Tensor>& maps, const std::vector<double>& scales,
                 const std::vector<Roi>& rois, const RoiAlignOptions& options);

/// How deltas (dx, dy, dw, dh) stand for a box.
struct BoxDeltaOptions {
  std::array<double, 4> weights = {1, 1, 1, 1};  ///< deltas are divided by these; 1 / std
  /// dw and dh are at least −ln(1000/16), as mmdetection has it. They are at most ln(1000/16) in
  /// any case.
  bool clamp_below = true;
};

/// Boxes that are moved and resized by deltas, x and y alike: the center goes to center + dx ·
/// width, the width to width · exp(dw), after the deltas are divided by their weights.
/// @param deltas (N, 4): dx, dy, dw, dh. The gradient of a dw or dh beyond its limit is 0.
/// @param boxes (N, 4): x1, y1, x2, y2; get no gradient
/// @return (N, 4): x1, y1, x2, y2
/// Saves: deltas, boxes.
/// Source: Girshick et al. 2014, arXiv:1311.2524, appendix C.
Tensor decode_boxes(const Tensor& deltas, const Tensor& boxes, const BoxDeltaOptions& options);

}  // namespace swin::autograd
