// Position tables of one size made to serve another: grids of numbers, interpolated.
#pragma once
#include <span>
#include <vector>

#include "layers/model_config.h"

namespace swin::weights {

using layers::Size2;

enum class GridResize {
  /// torch's bicubic without antialiasing: Keys' kernel with a = −¾, pixel centers at ½ (the
  /// published fine-tuning of Swin).
  bicubic,
  /// torch's bicubic with antialiasing: a = −½, and the kernel as wide as the step where the grid
  /// shrinks (timm's resample_abs_pos_embed).
  bicubic_antialias,
  /// Linear between places that lie in geometric progression from the middle, so that near
  /// distances keep their resolution (timm's resize_rel_pos_bias_table). For odd sides.
  geometric,
};

/// A resized grid; each channel by itself, rows and columns one after the other.
/// @param grid (from[0], from[1], channels).   @return (to[0], to[1], channels), in double.
std::vector<double> resize_grid(std::span<const double> grid, Size2 from, Size2 to,
                                int64_t channels, GridResize method);

}  // namespace swin::weights
