// The layers of layer-wise learning rate decay.
#include "weights/parameter_names.h"

#include <gtest/gtest.h>

#include <string>
#include <utility>
#include <vector>

namespace swin::weights {
namespace {

TEST(ParameterNames, LayersAreCountedAsInThePublishedFineTuning) {
  ModelConfig config;  // depths 2, 2, 6, 2
  EXPECT_EQ(num_layers(config), 14);
  for (const auto& [name, layer] : std::vector<std::pair<std::string, int64_t>>{
           {"patch_embed.proj.weight", 0},
           {"encoder.mask_token", 0},
           {"layers.0.blocks.0.norm1.weight", 1},
           {"layers.0.blocks.1.attn.qkv.weight", 2},
           {"layers.0.downsample.reduction.weight", 2},
           {"layers.1.blocks.0.mlp.fc1.bias", 3},
           {"layers.1.downsample.norm.bias", 4},
           {"layers.2.blocks.5.attn.relative_position_bias_table", 10},
           {"encoder.layers.2.downsample.norm.weight", 10},
           {"layers.3.blocks.1.norm2.bias", 12},
           {"norm.weight", 13},
           {"head.weight", 13},
           {"absolute_pos_embed", 13},
           {"backbone.patch_embed.norm.bias", 0},
           {"backbone.layers.1.downsample.norm.bias", 4},
           {"backbone.layers.3.blocks.1.norm2.bias", 12},
           {"backbone.norm0.weight", 13},
           {"decode_head.fpn_convs.0.conv.weight", 13},
           {"auxiliary_head.conv_seg.bias", 13}})
    EXPECT_EQ(layer_of(name, config), layer) << name;
  ModelConfig vit;
  vit.name = "vit";
  vit.depths = {12};
  EXPECT_EQ(num_layers(vit), 14);
  EXPECT_EQ(layer_of("cls_token", vit), 0);
  EXPECT_EQ(layer_of("pos_embed", vit), 0);
  EXPECT_EQ(layer_of("patch_embed.proj.bias", vit), 0);
  EXPECT_EQ(layer_of("blocks.11.norm1.weight", vit), 12);
  EXPECT_EQ(layer_of("fc_norm.weight", vit), 13);
}

TEST(ParameterNames, InDenseTrainingBiasesDecayAndLayerNormsDoNot) {
  for (const char* name :
       {"backbone.layers.0.blocks.0.attn.qkv.bias", "backbone.patch_embed.proj.bias",
        "backbone.layers.0.downsample.reduction.weight", "decode_head.bottleneck.bn.weight",
        "decode_head.conv_seg.bias", "head.bias"})
    EXPECT_TRUE(decays_in_dense_training(name)) << name;
  for (const char* name :
       {"backbone.norm0.weight", "backbone.layers.0.blocks.0.norm1.bias",
        "backbone.patch_embed.norm.weight", "backbone.layers.2.downsample.norm.bias",
        "backbone.layers.0.blocks.1.attn.relative_position_bias_table",
        "backbone.absolute_pos_embed"})
    EXPECT_FALSE(decays_in_dense_training(name)) << name;
}

TEST(ParameterNames, TheStageIsBelowTheNetworksPrefix) {
  EXPECT_EQ(stage_of("layers.2.blocks.0.norm1.bias"), 2);
  EXPECT_EQ(stage_of("encoder.layers.1.blocks.0.norm1.bias"), 1);
  EXPECT_EQ(stage_of("backbone.layers.3.blocks.0.norm1.bias"), 3);
  EXPECT_EQ(stage_of("decode_head.lateral_convs.2.conv.weight"), -1);
}

}  // namespace
}  // namespace swin::weights
