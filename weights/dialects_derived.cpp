#include "weights/dialects_derived.h"

#include <cmath>

#include "layers/window_attention.h"

namespace swin::weights {

std::vector<int64_t> relative_position_index(Size2 window) {
  const auto [height, width] = window;
  std::vector<int64_t> index;
  index.reserve(static_cast<size_t>(height * width * height * width));
  for (int64_t yi = 0; yi < height; ++yi)
    for (int64_t xi = 0; xi < width; ++xi)
      for (int64_t yj = 0; yj < height; ++yj)
        for (int64_t xj = 0; xj < width; ++xj)
          index.push_back((yi - yj + height - 1) * (2 * width - 1) + xi - xj + width - 1);
  return index;
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
  const auto region = [](int64_t at, int64_t side, int64_t w, int64_t s) {
    return at < side - w ? 0 : at < side - s ? 1 : 2;
  };
  const int64_t area = window[0] * window[1];
  std::vector<int> label(static_cast<size_t>(area));
  std::vector<float> mask;
  mask.reserve(static_cast<size_t>(map[0] * map[1] * area));
  for (int64_t top = 0; top < map[0]; top += window[0])
    for (int64_t left = 0; left < map[1]; left += window[1]) {
      for (int64_t i = 0; i < area; ++i)
        label[static_cast<size_t>(i)] =
            3 * region(top + i / window[1], map[0], window[0], shift[0]) +
            region(left + i % window[1], map[1], window[1], shift[1]);
      for (const int of_query : label)
        for (const int of_key : label) mask.push_back(of_query == of_key ? 0.0f : -100.0f);
    }
  return mask;
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
