// Boxes as differences to other boxes: what the RPN and the box head learn.
#pragma once
#include <array>
#include <span>

#include "data/annotation.h"

namespace swin::tasks {

/// With centers c and sizes s of the true box g and the box p it is seen from:
///     (w₀ (cx_g − cx_p) / sx_p, w₁ (cy_g − cy_p) / sy_p, w₂ ln(sx_g / sx_p), w₃ ln(sy_g / sy_p)).
/// mmdetection's stds are 1 / weights.
/// Source: Girshick et al. 2014, arXiv:1311.2524, appendix C.
struct BoxCoder {
  std::array<double, 4> weights = {1, 1, 1, 1};
  bool clamp_below = false;  ///< Rules::clamps_deltas_below

  std::array<double, 4> encode(const data::BoundingBox& truth, const data::BoundingBox& box) const;

  /// The box that `deltas` lead to from `box`. Deltas of sizes are clamped to at most ln(1000/16),
  /// so that a size grows at most 62.5 times.
  data::BoundingBox decode(const std::array<double, 4>& deltas, const data::BoundingBox& box) const;
};

}  // namespace swin::tasks
