// Position tables and embeddings are resized by interpolation.
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
  /// torch's bicubic with antialiasing: a = −½; where the grid shrinks, the kernel is wider by the
  /// scale factor (timm's resample_abs_pos_embed).
  bicubic_antialias,
  /// Linear between positions in geometric progression from the middle, so that short distances
  /// keep their resolution (timm's resize_rel_pos_bias_table). For odd sizes.
  geometric,
};

/// Resizes a grid, each channel separately: first along the width, then along the height.
/// @param grid (from[0], from[1], channels).   @return (to[0], to[1], channels), in double.
std::vector<double> resize_grid(std::span<const double> grid, Size2 from, Size2 to,
                                int64_t channels, GridResize method);

}  // namespace swin::weights
