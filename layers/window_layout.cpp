#include "layers/window_layout.h"

#include <algorithm>

#include "base/integer.h"

namespace swin::layers {

Size2 stage_map(const ModelConfig& config, int64_t stage) {
  Size2 map{};
  for (size_t i : {0u, 1u}) {
    map[i] = base::divide_up(config.image_size[i], config.patch_size);
    for (int64_t merged = 0; merged < stage; ++merged) map[i] = base::divide_up(map[i], 2);
  }
  return map;
}

WindowLayout window_layout(const ModelConfig& config, int64_t stage, int64_t block, Size2 map) {
  if (config.name == "vit") return {map, map, map};
  WindowLayout layout{map, map, config.window_of(stage)};
  layout.pretrained = config.pretrained_window_of(stage);
  Size2& window = layout.window;
  const Size2 home = stage_map(config, stage);
  const int64_t smaller = std::min(home[0], home[1]);
  // Per side: whether the window covers all of it at the config's image size, so that it shrinks
  // and never shifts.
  std::array<bool, 2> covers = {home[0] <= window[0], home[1] <= window[1]};
  switch (config.window_shrink) {
    case WindowShrink::official:
      if (covers[0] || covers[1]) {
        window = {std::min(window[0], smaller), std::min(window[1], smaller)};
        covers = {true, true};
      }
      break;
    case WindowShrink::per_dimension:
      window = {std::min(window[0], home[0]), std::min(window[1], home[1])};
      break;
    case WindowShrink::never:
    case WindowShrink::always_shift:
      covers = {false, false};
      break;
  }
  for (size_t i : {0u, 1u}) {
    layout.padded[i] = base::round_up(map[i], window[i]);
    // Along a side that one window covers there is no other window to shift to. The published
    // detectors shift nevertheless.
    const bool alone =
        layout.padded[i] == window[i] && config.window_shrink != WindowShrink::always_shift;
    if (block % 2 == 1 && !covers[i] && !alone) layout.shift[i] = window[i] / 2;
  }
  const bool pads = layout.padded != map, shifts = layout.shift != Size2{0, 0};
  layout.rolled = pads && shifts && config.pad_mode == PadMode::roll_then_pad;
  if (pads && config.pad_mode == PadMode::masked) layout.valid = map;
  return layout;
}

Tensor pad_to_windows(const Tensor& x, const WindowLayout& layout) {
  const Tensor y = layout.rolled ? autograd::roll(x, {-layout.shift[0], -layout.shift[1]}) : x;
  return layout.padded == layout.map ? y : autograd::pad_or_crop(y, layout.padded);
}

Tensor crop_to_map(Tensor y, const WindowLayout& layout) {
  if (layout.padded != layout.map) y = autograd::pad_or_crop(y, layout.map);
  return layout.rolled ? autograd::roll(y, layout.shift) : y;
}

}  // namespace swin::layers
