#include "layers/network.h"

#include <numeric>
#include <utility>

#include "base/errors.h"
#include "base/size2.h"

namespace swin::layers {

void check_sizes(const ModelConfig& c) {
  const auto refuse = [](const std::string& field, const std::string& found,
                         const std::string& remedy) {
    throw base::UsageError("model." + field, found, remedy);
  };
  if (c.depths.empty() || c.depths.size() != c.num_heads.size())
    refuse("num_heads",
           "found " + std::to_string(c.num_heads.size()) +
               " entries, expected one for each of the " + std::to_string(c.depths.size()) +
               " depths",
           "give both lists the same length");
  for (const auto& [field, entries] :
       {std::pair{"window_sizes", c.window_sizes.size()},
        {"pretrained_window_sizes", c.pretrained_window_sizes.size()},
        {"mlp_ratio", c.mlp_ratios.size()}})
    if (entries != 0 && entries != c.depths.size())
      refuse(field,
             "found " + std::to_string(entries) + " entries, expected one for each of the " +
                 std::to_string(c.depths.size()) + " depths",
             "give both lists the same length");
  for (size_t i = 0; i < c.depths.size(); ++i) {
    const int64_t dim = c.embed_dim << i;
    if (c.num_heads[i] <= 0 || dim % c.num_heads[i] != 0)
      refuse("num_heads",
             "found " + std::to_string(c.num_heads[i]) + " heads for " + std::to_string(dim) +
                 " channels in stage " + std::to_string(i) + ", expected a divisor",
             "change num_heads or embed_dim");
  }
  if (c.image_size[0] < 1 || c.image_size[1] < 1 || c.patch_size < 1 || c.in_chans < 1 ||
      c.window_size[0] < 1 || c.window_size[1] < 1 || c.embed_dim < 1)
    refuse(
        "image_size",
        "found a size below 1, expected image, patch, window, channels and embed_dim of at least 1",
        "correct the model section");
}

const ModelConfig& checked_classifier(const ModelConfig& config) {
  check_sizes(config);
  if (config.num_classes < 1)
    throw base::UsageError("model.num_classes",
                           "found " + std::to_string(config.num_classes) + ", expected at least 1",
                           "set model.num_classes");
  return config;
}

std::string stage_path(const ModelConfig& config, int64_t stage) {
  return config.name == "vit" ? "blocks" : "layers." + std::to_string(stage);
}

double drop_path_rate_of(const ModelConfig& config, int64_t stage, int64_t block) {
  const auto begin = config.depths.begin();
  const int64_t blocks = std::accumulate(begin, config.depths.end(), int64_t{0}),
                number = std::accumulate(begin, begin + stage, block);
  if (blocks < 2) return 0;
  return config.drop_path_rate * static_cast<double>(number) / static_cast<double>(blocks - 1);
}

double norm_epsilon(const ModelConfig& config) { return config.name == "vit" ? 1e-6 : 1e-5; }

void check_position_map(Size2 found, Size2 expected) {
  if (found == expected) return;
  throw base::UsageError("model.image_size",
                         "found images of " + base::size_text(found) + " tokens, expected " +
                             base::size_text(expected) +
                             ": the position embedding has one row per token",
                         "resize the images, or set model.image_size and load the weights again");
}

}  // namespace swin::layers
