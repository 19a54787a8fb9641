// The windows of a model over an image, their regions, the cyclic shift and the mask: what
// layers::window_layout says, as pictures and words.
#pragma once
#include <optional>

#include "layers/window_layout.h"
#include "trainers/explain/explain.h"
#include "trainers/explain/pictures.h"

namespace swin::trainers {

using autograd::WindowLayout;

/// The map of a stage where that of stage 0 is `first`.
Size2 map_of(Size2 first, int64_t stage);
/// Where a token of the padded map lies in the map; nothing if it is padding.
/// @param row of autograd::window_rows
std::optional<Size2> map_position(const WindowLayout& layout, int64_t row);

struct WindowPlace {
  int64_t window = 0, index = 0;  ///< index: of the token in its window
  bool operator==(const WindowPlace&) const = default;
};
/// Where a token of the map is in the windows.
WindowPlace place_in_window(const WindowLayout& layout, Size2 token);

/// Rows and columns of the windows that a block cuts its map into. Where Swin-MLP shifts, it has
/// one more of them than the padded map: it pads by another window instead of rolling.
Size2 window_grid(const layers::ModelConfig& model, const WindowLayout& layout);

/// Why a model without a shifted block has none, as a sentence without a full stop.
/// @param first the map of stage 0
std::string why_none_shifts(const layers::ModelConfig& model, Size2 first);

/// The tokens that a picture of a map shows: with the padding where that is right and below.
Size2 drawn_map(const WindowLayout& layout);
/// Where a token of the padded map is in the picture; nothing for the padding of a rolled map.
std::optional<Size2> drawn_position(const WindowLayout& layout, int64_t row);
/// The map of a stage, with its padding.
data::Image draw_map(const View& view, const WindowLayout& layout, int64_t stage);
/// Lines between neighbors of different groups, and around all; faint ones between tokens, if they
/// are large enough.
/// @param groups (size)   @param cell pixels of a token
void draw_lines(Size2 size, int64_t cell, const std::vector<int64_t>& groups, data::Image& image);

/// The padded map under a grid of what attends to each other: windows, and their regions where they
/// are shifted. Padding is striped.
data::Image draw_windows(const View& view, const WindowLayout& layout, int64_t stage);

/// Regular and shifted windows of every stage: figure 2 of the paper. Adds `stages` to the JSON.
ExplainedPart windows_part(const layers::ModelConfig& model, const View& view, base::Json& json);

/// The regions of a shifted block, its map before and after the cyclic shift, and the masks of its
/// kinds of windows: figure 4 of the paper. Adds `shift` to the JSON.
/// @param layout of a block that shifts
ExplainedPart shift_part(const layers::ModelConfig& model, const View& view,
                         const WindowLayout& layout, int64_t stage, int64_t block,
                         base::Json& json);

base::Json to_json(Size2 size);  ///< [height, width]

}  // namespace swin::trainers
