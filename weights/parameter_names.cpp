#include "weights/parameter_names.h"

#include <numeric>
#include <optional>

namespace swin::weights {

namespace {

/// Removes "n." from the start of a name and returns n.
std::optional<int64_t> take_number(std::string_view& name) {
  int64_t number = 0;
  size_t i = 0;
  for (; i < name.size() && i < 6 && name[i] >= '0' && name[i] <= '9'; ++i)
    number = number * 10 + (name[i] - '0');
  if (i == 0 || i >= name.size() || name[i] != '.') return std::nullopt;
  name.remove_prefix(i + 1);
  return number;
}

bool take(std::string_view& name, std::string_view prefix) {
  if (!name.starts_with(prefix)) return false;
  name.remove_prefix(prefix.size());
  return true;
}

/// The prefix of a network below a task's head.
void take_wrapper(std::string_view& name) {
  if (!take(name, "encoder.")) take(name, "backbone.");
}

}  // namespace

bool is_called(std::string_view name, std::string_view ending) {
  return name.ends_with(ending) &&
         (name.size() == ending.size() || name[name.size() - ending.size() - 1] == '.');
}

int64_t stage_of(std::string_view name) {
  take_wrapper(name);
  return take(name, "layers.") ? take_number(name).value_or(-1) : -1;
}

int64_t num_layers(const ModelConfig& config) {
  return std::accumulate(config.depths.begin(), config.depths.end(), int64_t{2});
}

int64_t layer_of(std::string_view name, const ModelConfig& config) {
  const int64_t last = num_layers(config) - 1;
  const bool vit = config.name == "vit";
  take_wrapper(name);
  if (name.starts_with("patch_embed.") || name == "mask_token") return 0;
  if (vit && (name == "cls_token" || name == "pos_embed")) return 0;
  if (vit && take(name, "blocks.")) {
    const auto block = take_number(name);
    return block ? *block + 1 : last;
  }
  if (!take(name, "layers.")) return last;
  const auto stage = take_number(name);
  if (!stage || *stage >= config.num_stages()) return last;
  const auto begin = config.depths.begin();
  const int64_t before = std::accumulate(begin, begin + *stage, int64_t{0});
  if (name.starts_with("downsample.")) return before + config.depths[static_cast<size_t>(*stage)];
  const auto block = take(name, "blocks.") ? take_number(name) : std::nullopt;
  return block ? before + *block + 1 : last;
}

bool decays_in_dense_training(std::string_view name) {
  for (const char* exempt : {"absolute_pos_embed", "relative_position_bias_table", "norm"})
    if (name.find(exempt) != std::string_view::npos) return false;
  return true;
}

}  // namespace swin::weights
