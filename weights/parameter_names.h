// What a parameter's name says about its place in a model.
#pragma once
#include <cstdint>
#include <string_view>

#include "layers/model_config.h"

namespace swin::weights {

using layers::ModelConfig;

/// Whether a name is `ending`, or ends in it after a dot: "encoder.patch_embed.proj.weight" is
/// called "patch_embed.proj.weight".
bool is_called(std::string_view name, std::string_view ending);

/// i of "layers.i." in a name; −1 where there is none.
int64_t stage_of(std::string_view name);

/// Number of layers by which layer-wise learning rates fall: blocks and two more.
int64_t num_layers(const ModelConfig& config);
/// Which of them a parameter belongs to, from 0 to num_layers − 1, as the published fine-tuning
/// counts: patch_embed, mask_token, and ViT's cls_token and pos_embed are 0; block b of all blocks
/// is b + 1; a downsample is of the block before it; all else, norm, head and absolute_pos_embed
/// too, is the last. A SimMIM's encoder is counted as the model it trains.
int64_t layer_of(std::string_view name, const ModelConfig& config);

}  // namespace swin::weights
