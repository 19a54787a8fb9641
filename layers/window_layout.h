// The windows of the paper as one function of the config: which window, whether it shifts, and how
// a map is padded to whole windows.
#pragma once
#include "autograd/ops/ops.h"
#include "layers/model_config.h"

namespace swin::layers {

using autograd::Tensor;
using autograd::WindowLayout;

/// The size of a stage's map at the config's image size: ⌈side / patch_size⌉, halved and rounded up
/// before every later stage.
Size2 stage_map(const ModelConfig& config, int64_t stage);

/// How a block divides its map into windows. Odd blocks shift them by half a window (SW-MSA), even
/// blocks do not (W-MSA). The config's image size decides the window; the map at hand decides the
/// padding, and whether the shift is dropped because one window covers a side. A ViT has one
/// window.
/// @param block index within the stage
/// @param map tokens of the map at hand
/// Source: Liu et al. 2021, arXiv:2103.14030, section 3.2 and figure 2.
WindowLayout window_layout(const ModelConfig& config, int64_t stage, int64_t block, Size2 map);

/// The same for the map at the config's image size.
inline WindowLayout window_layout(const ModelConfig& config, int64_t stage, int64_t block) {
  return window_layout(config, stage, block, stage_map(config, stage));
}

/// Pads x (B, map, C) with zeros to (B, padded, C). If the layout is rolled, rolls it before that.
Tensor pad_to_windows(const Tensor& x, const WindowLayout& layout);
/// The inverse: crops y (B, padded, C) to (B, map, C) and rolls it back.
Tensor crop_to_map(Tensor y, const WindowLayout& layout);

}  // namespace swin::layers
