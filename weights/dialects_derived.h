// Tables that other libraries keep in their files although they depend only on sizes.
#pragma once
#include <cstdint>
#include <optional>
#include <vector>

#include "layers/model_config.h"

namespace swin::weights {

using layers::ModelConfig;
using layers::Size2;

/// For each pair (i, j) of a window's N = height · width tokens, its index in the position bias
/// table, as autograd::relative_position_index has it. @return (N, N).
std::vector<int64_t> relative_position_index(Size2 window);

/// Swin V2's coordinates: d in −(w − 1) … w − 1, times 8 / (w − 1), as sign(d) log₂(|d| + 1) / 3.
/// A side of one token has the coordinate 0, where the published code divides by zero.
/// @param pretrained the window side w to divide by; 0: the window's own.
/// @return (1, 2 height − 1, 2 width − 1, 2), last {y, x}.
std::vector<float> relative_coords_table(Size2 window, int64_t pretrained);

/// 0 between tokens of the same region of the rolled map, else −100.
/// @param map a multiple of the window.
/// @return (windows, N, N).
std::vector<float> attention_mask(Size2 map, Size2 window, Size2 shift);

/// The side of a square of `area` tokens; empty if there is none with whole sides.
std::optional<int64_t> square_side(int64_t area);

/// A stage: its map size in tokens, and its window and shift after config.window_shrink. The shift
/// is that of the odd blocks.
struct StageWindows {
  Size2 map{}, window{}, shift{};
};
StageWindows stage_windows(const ModelConfig& config, int64_t stage);

}  // namespace swin::weights
