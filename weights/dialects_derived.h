// Tables that other libraries keep in their files although they depend only on sizes.
#pragma once
#include <cmath>
#include <cstdint>
#include <optional>
#include <vector>

#include "layers/window_layout.h"

namespace swin::weights {

using layers::ModelConfig;
using layers::Size2;
using layers::WindowLayout;

/// The published relative_position_index of a window, (tokens, tokens), as files store it.
inline std::vector<int64_t> relative_position_index(Size2 window) {
  const std::vector<int32_t> index = autograd::relative_position_index(window);
  return {index.begin(), index.end()};
}

/// Swin V2's coordinates, autograd::log_spaced_coordinates in float, as the published code makes
/// them.
/// @param pretrained the window side to divide by; 0: the window's own.
/// @return (1, 2 height − 1, 2 width − 1, 2), last {y, x}.
inline std::vector<float> relative_coords_table(Size2 window, int64_t pretrained) {
  return autograd::log_spaced_coordinates<float>(window, pretrained);
}

/// The windows of a stage's odd blocks, at the config's image size.
inline WindowLayout stage_windows(const ModelConfig& config, int64_t stage) {
  return layers::window_layout(config, stage, 1);
}

/// The side of a square of `area` tokens; empty if there is none with whole sides.
inline std::optional<int64_t> square_side(int64_t area) {
  if (area < 1) return std::nullopt;
  const int64_t side = std::llround(std::sqrt(static_cast<double>(area)));
  return side * side == area ? std::optional(side) : std::nullopt;
}

}  // namespace swin::weights
