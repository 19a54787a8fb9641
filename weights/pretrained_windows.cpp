// Swin V2: the windows that the weights in a file were trained with.
#include <algorithm>

#include "base/errors.h"
#include "base/size2.h"
#include "weights/adapt.h"
#include "weights/dialects_derived.h"
#include "weights/parameter_names.h"
#include "weights/saved_windows.h"

namespace swin::weights {

PretrainedWindows pretrained_windows(const WeightFile& file,
                                     const std::optional<ModelConfig>& source,
                                     const ModelConfig& config) {
  PretrainedWindows result;
  std::vector<int64_t> sizes;
  for (int64_t stage = 0; stage < config.num_stages(); ++stage) {
    const WindowLayout saved = source && stage < source->num_stages()
                                   ? stage_windows(*source, stage)
                                   : saved_windows(file, stage);
    if (saved.window == Size2{}) return {};
    const Size2 window = stage_windows(config, stage).window;
    // If the coordinates were already divided by another window's side, that stays so.
    if (saved.pretrained > 0)
      sizes.push_back(saved.pretrained);
    else if (saved.window == window)
      sizes.push_back(0);
    else if (saved.window[0] == saved.window[1])
      sizes.push_back(saved.window[0]);
    else
      throw base::UsageError("model.pretrained_window_sizes",
                             "found weights with windows of " + base::size_text(saved.window) +
                                 " in stage " + std::to_string(stage) + " of " + file.where +
                                 ", expected square ones or those of this model",
                             "set the field, or the windows of this model");
  }
  result.known = true;
  const bool coordinates =
      std::any_of(file.derived.begin(), file.derived.end(), [](const files::NamedArray& table) {
        return is_called(table.name, "relative_coords_table");
      });
  result.how = source                 ? "its config"
               : coordinates          ? "its relative_coords_table"
               : file.hub.window_size ? "its config.json"
                                      : "its relative_position_index";
  // If any stage has a size, the others get theirs, too: [12, 12, 12, 6] as in the published
  // configs.
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

}  // namespace swin::weights
