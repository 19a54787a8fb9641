// What a parameter's name says about its position in a model.
#pragma once
#include <cstdint>
#include <string_view>

#include "layers/model_config.h"

namespace swin::weights {

using layers::ModelConfig;

/// Whether a name equals `ending` or ends with "." and `ending`: "encoder.patch_embed.proj.weight"
/// is called "patch_embed.proj.weight".
bool is_called(std::string_view name, std::string_view ending);

/// i of "layers.i." in a name; −1 if there is none.
int64_t stage_of(std::string_view name);

/// Number of layers for layer-wise learning rate decay: the blocks and two more.
int64_t num_layers(const ModelConfig& config);
/// The layer of a parameter, from 0 to num_layers − 1, as in the published fine-tuning: 0 for
/// patch_embed, mask_token, and ViT's cls_token and pos_embed; b + 1 for block b, counted over all
/// stages; the layer of the block before it for a downsample; the last layer for everything else,
/// such as norm, head and absolute_pos_embed. A leading "encoder." (SimMIM) or "backbone." (a
/// segmenter, of whose heads all have the last layer) is ignored.
int64_t layer_of(std::string_view name, const ModelConfig& config);

/// Whether a parameter decays in the published training of detectors and segmenters: all do, biases
/// and batch norms too, but those whose names contain absolute_pos_embed,
/// relative_position_bias_table or norm.
/// Source: paramwise_cfg of configs/swin/ in SwinTransformer's detection and segmentation.
bool decays_in_dense_training(std::string_view name);

}  // namespace swin::weights
