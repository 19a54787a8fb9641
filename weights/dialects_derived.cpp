#include "weights/dialects_derived.h"

#include <cmath>

#include "layers/window_attention.h"

namespace swin::weights {

std::vector<int64_t> relative_position_index(Size2 window) {
  const std::vector<int32_t> index = autograd::relative_position_index(window);
  return {index.begin(), index.end()};
}

std::vector<float> relative_coords_table(Size2 window, int64_t pretrained) {
  const auto coordinate = [&](int64_t d, int64_t side) {
    const int64_t last = (pretrained > 0 ? pretrained : side) - 1;
    if (last == 0) return 0.0f;
    const float scaled = static_cast<float>(d) / static_cast<float>(last) * 8.0f;
    const float logarithm = std::log2(std::abs(scaled) + 1.0f) / 3.0f;
    return scaled < 0 ? -logarithm : logarithm;
  };
  std::vector<float> table;
  for (int64_t y = 1 - window[0]; y < window[0]; ++y)
    for (int64_t x = 1 - window[1]; x < window[1]; ++x) {
      table.push_back(coordinate(y, window[0]));
      table.push_back(coordinate(x, window[1]));
    }
  return table;
}

std::vector<float> attention_mask(Size2 map, Size2 window, Size2 shift) {
  autograd::WindowGeometry geometry;
  geometry.window = window;
  geometry.shift = shift;
  const autograd::Tensor mask = autograd::attention_mask(map, geometry);
  return {mask.data(), mask.data() + mask.numel()};
}

std::optional<int64_t> square_side(int64_t area) {
  if (area < 1) return std::nullopt;
  const int64_t side = std::llround(std::sqrt(static_cast<double>(area)));
  return side * side == area ? std::optional(side) : std::nullopt;
}

StageWindows stage_windows(const ModelConfig& config, int64_t stage) {
  StageWindows windows;
  for (size_t side : {0u, 1u}) {
    int64_t& map = windows.map[side];
    map = (config.image_size[side] + config.patch_size - 1) / config.patch_size;
    for (int64_t i = 0; i < stage; ++i) map = (map + 1) / 2;
  }
  ModelConfig padded = config;
  padded.pad_mode = layers::PadMode::pad_then_roll;
  const layers::WindowPlan plan = layers::plan_windows(padded, windows.map, stage);
  windows.window = plan.window;
  windows.shift = plan.shift;
  return windows;
}

}  // namespace swin::weights
