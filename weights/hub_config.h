// Hugging Face's config.json, which says what the weights alone do not.
#pragma once
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "layers/model_config.h"

namespace swin::weights {

using layers::Size2;

/// Fields are empty if the file does not have them.
struct HubConfig {
  std::optional<Size2> image_size;
  std::optional<int64_t> window_size, num_attention_heads;
  std::vector<int64_t> pretrained_window_sizes;
};

/// @param where the file, for errors.
/// @throws base::WeightError if the text is not JSON, or if a field is not a whole number in range.
HubConfig read_hub_config(const std::string& text, const std::string& where);

}  // namespace swin::weights
