// Hugging Face's config.json, for what weights alone do not tell.
#pragma once
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "layers/model_config.h"

namespace swin::weights {

using layers::Size2;

/// Empty where the file does not say it.
struct HubConfig {
  std::optional<Size2> image_size;
  std::optional<int64_t> window_size, num_attention_heads;
  std::vector<int64_t> pretrained_window_sizes;
};

/// @param where the file, for errors.
/// @throws base::WeightError where it is no JSON object, or a field is no such number.
HubConfig read_hub_config(const std::string& text, const std::string& where);

}  // namespace swin::weights
