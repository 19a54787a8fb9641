#include "weights/saved_windows.h"

#include <algorithm>
#include <cmath>
#include <optional>
#include <vector>

#include "base/errors.h"
#include "base/size2.h"
#include "weights/dense_names.h"
#include "weights/dialects_derived.h"
#include "weights/dialects_rows.h"
#include "weights/parameter_names.h"

namespace swin::weights {

namespace {

constexpr int64_t kLargestWindow = 1024;  // in a config
// Rounding to bfloat16 changes coordinates by less than this, the next pretrained window by more.
constexpr double kSameCoordinate = 0.006;

bool is_coordinates(const NamedArray& table) {
  const auto& shape = table.shape;
  return is_called(table.name, "relative_coords_table") && shape.size() == 4 && shape[3] == 2 &&
         shape[1] % 2 == 1 && shape[2] % 2 == 1 && table.num_elements() > 0 &&
         std::max(shape[1], shape[2]) < 2 * kLargestWindow;
}

// "windows of 8 × 8", "windows of 16 × 16 with coordinates of 8 × 8".
std::string described(Size2 window, int64_t pretrained) {
  std::string result = "windows of " + base::size_text(window);
  if (pretrained > 0) result += " with coordinates of " + base::size_text({pretrained, pretrained});
  return result;
}

bool same_coordinates(const NamedArray& table, const std::string& where, Size2 window,
                      int64_t pretrained) {
  if (table.shape[1] != 2 * window[0] - 1 || table.shape[2] != 2 * window[1] - 1) return false;
  const std::vector<double> found = values_of(table, where);
  const std::vector<float> expected = relative_coords_table(window, pretrained);
  for (size_t i = 0; i < found.size(); ++i)  // published files have NaN where a side has one token
    if (std::abs(found[i] - static_cast<double>(expected[i])) > kSameCoordinate) return false;
  return true;
}

bool same_index(const NamedArray& table, const std::string& where, Size2 window) {
  const int64_t area = window[0] * window[1];
  if (table.num_elements() != area * area) return false;
  std::vector<int64_t> found(static_cast<size_t>(table.num_elements()));
  files::read_int64(table, where, found);
  return found == relative_position_index(window);
}

// The window of config.json, shrunk to the map of that stage.
Size2 hub_window(const WeightFile& file, int64_t stage) {
  Size2 window = {*file.hub.window_size, *file.hub.window_size};
  const bool dense = file.kind == WeightKind::segmenter || file.kind == WeightKind::detector;
  const NamedArray* patches =
      file.find((dense ? std::string(kBackbonePrefix) : "") + "patch_embed.proj.weight");
  if (!file.hub.image_size || !patches || patches->shape.size() != 4 || patches->shape[2] < 1)
    return window;
  ModelConfig config;
  config.depths.resize(static_cast<size_t>(stage + 1), 1);
  config.patch_size = patches->shape[2];
  config.image_size = *file.hub.image_size;
  config.window_size = window;
  if (dense) config.window_shrink = layers::WindowShrink::always_shift;
  return stage_windows(config, stage).window;
}

}  // namespace

WindowLayout saved_windows(const WeightFile& file, int64_t stage) {
  WindowLayout saved;
  for (const NamedArray& table : file.derived) {
    if (stage_of(table.name) != stage) continue;
    if (is_coordinates(table)) {
      const Size2 window = {(table.shape[1] + 1) / 2, (table.shape[2] + 1) / 2};
      saved.window = window;
      // The last coordinate is log₂(8 (w − 1) / (p − 1) + 1) / 3.
      const double last = std::exp2(3 * values_of(table, file.where).back()) - 1;
      const double side = 8 * static_cast<double>(window[1] - 1) / last + 1;
      if (window[1] > 1 && side > 1 && side <= kLargestWindow && std::llround(side) != window[1])
        saved.pretrained = std::llround(side);
      return saved;
    }
    if (is_called(table.name, "relative_position_index"))
      if (const auto tokens = square_side(table.num_elements()))
        if (const auto side = square_side(*tokens); side && *side <= kLargestWindow)
          saved.window = {*side, *side};
  }
  if (saved.window == Size2{} && file.hub.window_size) {
    const std::vector<int64_t>& sizes = file.hub.pretrained_window_sizes;
    saved.window = hub_window(file, stage);
    if (stage < static_cast<int64_t>(sizes.size()))
      saved.pretrained = sizes[static_cast<size_t>(stage)];
  }
  return saved;
}

void require_windows(const WeightFile& file, const ModelConfig& config) {
  for (const NamedArray& table : file.derived) {
    const int64_t stage = stage_of(table.name);
    if (stage < 0 || stage >= config.num_stages()) continue;
    const Size2 window = stage_windows(config, stage).window;
    const int64_t pretrained = config.pretrained_window_of(stage);
    const bool differs =
        is_coordinates(table) ? !same_coordinates(table, file.where, window, pretrained)
        : is_called(table.name, "relative_position_index") && table.dtype == files::DType::i64
            ? !same_index(table, file.where, window)
            : false;
    if (!differs) continue;
    const WindowLayout saved = saved_windows(file, stage);
    throw base::WeightError(
        file.where,
        "found " + table.name +
            (saved.window != Size2{} ? " of " + described(saved.window, saved.pretrained)
                                     : " of " + files::to_text(table.shape)) +
            ", expected that of " + described(window, pretrained),
        "set model.window_size and model.pretrained_window_sizes to the "
        "file's; or fine-tune from it, "
        "which adapts the weights to other windows: swin train CONFIG --init " +
            file.where);
  }
}

}  // namespace swin::weights
