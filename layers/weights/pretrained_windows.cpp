// Swin V2: with which windows the weights in a file were trained.
#include <algorithm>
#include <cmath>

#include "base/errors.h"
#include "layers/weights/adapt.h"
#include "layers/weights/dialects_derived.h"
#include "layers/weights/parameter_names.h"

namespace swin::layers {

namespace {

constexpr int64_t kLargestWindow = 1024;  // of a config

std::string text(Size2 size) { return std::to_string(size[0]) + "×" + std::to_string(size[1]); }

std::optional<int64_t> square_root(int64_t n) {
  if (n < 1) return std::nullopt;
  const int64_t root = std::llround(std::sqrt(static_cast<double>(n)));
  return root * root == n ? std::optional(root) : std::nullopt;
}

/// What the tables in a file say of one stage.
struct SavedWindow {
  std::optional<Size2> window;
  int64_t pretrained = 0;
  bool coordinates = false;
};

SavedWindow saved_window(const WeightFile& file, int64_t stage) {
  SavedWindow saved;
  for (const files::NamedArray& table : file.derived) {
    if (stage_of(table.name) != stage) continue;
    const auto& shape = table.shape;
    if (is_called(table.name, "relative_coords_table") && shape.size() == 4 && shape[3] == 2 &&
        shape[1] % 2 == 1 && shape[2] % 2 == 1 && table.num_elements() > 0) {
      const Size2 window = {(shape[1] + 1) / 2, (shape[2] + 1) / 2};
      if (std::max(window[0], window[1]) > kLargestWindow) continue;
      saved.window = window;
      saved.coordinates = true;
      // The last coordinate is log₂(8 (w − 1) / (p − 1) + 1) / 3.
      std::vector<double> values(static_cast<size_t>(table.num_elements()));
      files::read_float64(table, file.where, values);
      const double last = std::exp2(3 * values.back()) - 1;
      const double side = 8 * static_cast<double>(window[1] - 1) / last + 1;
      if (window[1] > 1 && side > 1 && side <= kLargestWindow && std::llround(side) != window[1])
        saved.pretrained = std::llround(side);
      return saved;
    }
    if (is_called(table.name, "relative_position_index"))
      if (const auto tokens = square_root(table.num_elements()))
        if (const auto side = square_root(*tokens); side && *side <= kLargestWindow)
          saved.window = Size2{*side, *side};
  }
  return saved;
}

}  // namespace

PretrainedWindows pretrained_windows(const WeightFile& file,
                                     const std::optional<ModelConfig>& source,
                                     const ModelConfig& config) {
  PretrainedWindows result;
  std::vector<int64_t> sizes;
  bool coordinates = false;
  for (int64_t stage = 0; stage < config.num_stages(); ++stage) {
    SavedWindow saved;
    if (source && stage < source->num_stages()) {
      saved.window = stage_windows(*source, stage).window;
      saved.pretrained = source->pretrained_window_of(stage);
    } else {
      saved = saved_window(file, stage);
      coordinates |= saved.coordinates;
    }
    if (!saved.window) return {};
    const Size2 window = stage_windows(config, stage).window;
    // Coordinates that were divided by another window's side stay divided by it.
    if (saved.pretrained > 0)
      sizes.push_back(saved.pretrained);
    else if (*saved.window == window)
      sizes.push_back(0);
    else if ((*saved.window)[0] == (*saved.window)[1])
      sizes.push_back((*saved.window)[0]);
    else
      throw base::UsageError("model.pretrained_window_sizes",
                             "found weights with windows of " + text(*saved.window) + " in stage " +
                                 std::to_string(stage) + " of " + file.where +
                                 ", expected square ones or those of this model",
                             "set the field, or the windows of this model");
  }
  result.known = true;
  result.how = source        ? "its config"
               : coordinates ? "its relative_coords_table"
                             : "its relative_position_index";
  // A stage of 0 beside others is written out: [12, 12, 12, 6] as in the published configs.
  if (std::any_of(sizes.begin(), sizes.end(), [](int64_t size) { return size > 0; })) {
    for (int64_t stage = 0; stage < config.num_stages(); ++stage) {
      const Size2 window = stage_windows(config, stage).window;
      int64_t& size = sizes[static_cast<size_t>(stage)];
      if (size == 0 && window[0] == window[1]) size = window[0];
    }
    result.sizes = sizes;
  }
  return result;
}

}  // namespace swin::layers
