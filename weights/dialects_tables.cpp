#include "weights/dialects_tables.h"

namespace swin::weights {

namespace {

using enum Transform;

// Microsoft's names, and timm's for ViT. SimMIM's first release called cpb_mlp rpe_mlp.
constexpr NamePair kOfficial[] = {
    {kAll, "patch_embed.proj.{p}"},
    {kSwins, "patch_embed.norm.{p}"},
    {kSwins, "absolute_pos_embed"},
    {kSwins, "mask_token"},
    {kVit, "cls_token"},
    {kVit, "pos_embed"},
    {kAll, "@norm1.{p}"},
    {kAll, "@norm2.{p}"},
    {kSwin, "@attn.relative_position_bias_table"},
    {kSwin | kVit, "@attn.qkv.{p}"},
    {kSwinV2, "@attn.qkv.weight"},
    {kSwinV2, "@attn.q_bias"},
    {kSwinV2, "@attn.v_bias"},
    {kSwinV2, "@attn.logit_scale"},
    {kSwinV2, "@attn.cpb_mlp.0.{p}"},
    {kSwinV2, "@attn.cpb_mlp.2.weight"},
    {kSwinV2, "@attn.cpb_mlp.0.{p}", "@attn.rpe_mlp.0.{p}"},
    {kSwinV2, "@attn.cpb_mlp.2.weight", "@attn.rpe_mlp.2.weight"},
    {kSwin | kSwinV2 | kVit, "@attn.proj.{p}"},
    {kSwinMlp, "@spatial_mlp.{p}"},
    {kAll, "@mlp.fc1.{p}"},
    {kAll, "@mlp.fc2.{p}"},
    {kSwins, "layers.{i}.downsample.norm.{p}"},
    {kSwins, "layers.{i}.downsample.reduction.weight"},
    {kAll, "norm.{p}"},
    {kVit, "fc_norm.{p}"},
    {kAll, "head.{p}"},
    {kSwins, kStageNorm},
    {kSwins, "decoder.0.{p}"},
    {kSwin | kSwinV2, "@attn.relative_position_index", "", derived},
    {kSwinV2, "@attn.relative_coords_table", "", derived},
    {kSwin | kSwinV2, "@attn_mask", "", derived},
};

// timm ≥ 0.9: patch merging is the start of a stage; officially it is the end of the one before.
// Older files have official names.
constexpr NamePair kTimm[] = {
    {kAll, "patch_embed.proj.{p}"},
    {kSwins, "patch_embed.norm.{p}"},
    {kVit, "cls_token"},
    {kVit, "pos_embed"},
    {kAll, "@norm1.{p}"},
    {kAll, "@norm2.{p}"},
    {kSwin, "@attn.relative_position_bias_table"},
    {kSwin | kVit, "@attn.qkv.{p}"},
    {kSwinV2, "@attn.qkv.weight"},
    {kSwinV2, "@attn.q_bias"},
    {kSwinV2, "@attn.v_bias"},
    {kSwinV2, "@attn.logit_scale"},
    {kSwinV2, "@attn.cpb_mlp.0.{p}"},
    {kSwinV2, "@attn.cpb_mlp.2.weight"},
    {kSwin | kSwinV2 | kVit, "@attn.proj.{p}"},
    {kAll, "@mlp.fc1.{p}"},
    {kAll, "@mlp.fc2.{p}"},
    {kSwins, "layers.{i}.downsample.norm.{p}", "layers.{i+1}.downsample.norm.{p}"},
    {kSwins, "layers.{i}.downsample.reduction.weight", "layers.{i+1}.downsample.reduction.weight"},
    {kAll, "norm.{p}"},
    {kVit, "fc_norm.{p}"},
    {kVit, "head.{p}"},
    {kSwins, "head.{p}", "head.fc.{p}"},
};

constexpr NamePair kTorchvision[] = {
    {kSwins, "patch_embed.proj.{p}", "features.0.0.{p}"},
    {kSwins, "patch_embed.norm.{p}", "features.0.2.{p}"},
    {kVit, "patch_embed.proj.{p}", "conv_proj.{p}"},
    {kVit, "cls_token", "class_token"},
    {kVit, "pos_embed", "encoder.pos_embedding"},
    {kSwins, "@norm1.{p}", "@norm1.{p}"},
    {kSwins, "@norm2.{p}", "@norm2.{p}"},
    {kVit, "@norm1.{p}", "@ln_1.{p}"},
    {kVit, "@norm2.{p}", "@ln_2.{p}"},
    {kSwin, "@attn.relative_position_bias_table"},
    {kSwin, "@attn.qkv.{p}"},
    {kSwinV2, "@attn.qkv.weight"},
    {kSwinV2, "@attn.q_bias | @attn.v_bias", "@attn.qkv.bias", q_zero_v},
    {kSwinV2, "@attn.logit_scale"},
    {kSwinV2, "@attn.cpb_mlp.0.{p}"},
    {kSwinV2, "@attn.cpb_mlp.2.weight"},
    {kSwin | kSwinV2, "@attn.proj.{p}"},
    {kVit, "@attn.qkv.weight", "@self_attention.in_proj_weight"},
    {kVit, "@attn.qkv.bias", "@self_attention.in_proj_bias"},
    {kVit, "@attn.proj.{p}", "@self_attention.out_proj.{p}"},
    {kSwin | kSwinV2 | kVit, "@mlp.fc1.{p}", "@mlp.0.{p}"},
    {kSwin | kSwinV2 | kVit, "@mlp.fc2.{p}", "@mlp.3.{p}"},
    {kVit, "@mlp.fc1.{p}", "@mlp.linear_1.{p}"},  // before torchvision 0.12
    {kVit, "@mlp.fc2.{p}", "@mlp.linear_2.{p}"},
    {kSwins, "layers.{i}.downsample.norm.{p}", "features.{2i+2}.norm.{p}"},
    {kSwins, "layers.{i}.downsample.reduction.weight", "features.{2i+2}.reduction.weight"},
    {kSwins, "norm.{p}"},
    {kSwins, "head.{p}"},
    {kVit, "norm.{p}", "encoder.ln.{p}"},
    {kVit, "head.{p}", "heads.head.{p}"},
    {kSwin | kSwinV2, "@attn.relative_position_index", "", derived},
    {kSwinV2, "@attn.relative_coords_table", "", derived},
};

// The hub's names come first. transformers 5 uses other names in memory; a file of
// torch.save(model.state_dict()) has those, and they are read, too. dialects_read.cpp removes the
// prefix (swin., swinv2., vit.), dialects_write.cpp adds it.
constexpr NamePair kHuggingface[] = {
    {kAll, "patch_embed.proj.{p}", "embeddings.patch_embeddings.projection.{p}"},
    {kSwins, "patch_embed.norm.{p}", "embeddings.norm.{p}"},
    // Not for Swin V2: its embedding in transformers has one row too many to be added.
    {kSwin, "absolute_pos_embed", "embeddings.position_embeddings"},
    {kSwin | kSwinV2, "mask_token", "embeddings.mask_token"},
    {kVit, "cls_token", "embeddings.cls_token"},
    {kVit, "pos_embed", "embeddings.position_embeddings"},
    {kAll, "@norm1.{p}", "@layernorm_before.{p}"},
    {kAll, "@norm2.{p}", "@layernorm_after.{p}"},
    {kSwin, "@attn.relative_position_bias_table", "@attention.self.relative_position_bias_table"},
    {kSwin, "@attn.qkv.{p}",
     "@attention.self.query.{p} | @attention.self.key.{p} | @attention.self.value.{p}", thirds},
    {kSwinV2, "@attn.qkv.weight",
     "@attention.self.query.weight | @attention.self.key.weight | @attention.self.value.weight",
     thirds},
    {kSwinV2, "@attn.q_bias", "@attention.self.query.bias"},
    {kSwinV2, "@attn.v_bias", "@attention.self.value.bias"},
    {kSwinV2, "@attn.logit_scale", "@attention.self.logit_scale"},
    {kSwinV2, "@attn.cpb_mlp.0.{p}", "@attention.self.continuous_position_bias_mlp.0.{p}"},
    {kSwinV2, "@attn.cpb_mlp.2.weight", "@attention.self.continuous_position_bias_mlp.2.weight"},
    {kVit, "@attn.qkv.{p}",
     "@attention.attention.query.{p} | @attention.attention.key.{p} | "
     "@attention.attention.value.{p}",
     thirds},
    {kSwin | kSwinV2 | kVit, "@attn.proj.{p}", "@attention.output.dense.{p}"},
    {kSwin | kSwinV2 | kVit, "@mlp.fc1.{p}", "@intermediate.dense.{p}"},
    {kSwin | kSwinV2 | kVit, "@mlp.fc2.{p}", "@output.dense.{p}"},
    {kSwins, "layers.{i}.downsample.norm.{p}", "encoder.layers.{i}.downsample.norm.{p}"},
    {kSwins, "layers.{i}.downsample.reduction.weight",
     "encoder.layers.{i}.downsample.reduction.weight"},
    {kAll, "norm.{p}", "layernorm.{p}"},
    {kAll, "head.{p}", "classifier.{p}"},
    {kSwin | kSwinV2, kStageNorm, "hidden_states_norms.stage{k+1}.{p}"},
    {kSwin | kSwinV2, "decoder.0.{p}"},
    {kSwin, "@attn.relative_position_index", "@attention.self.relative_position_index", derived},
    // transformers 5 in memory
    {kSwin, "@attn.qkv.{p}",
     "@attention.q_proj.{p} | @attention.k_proj.{p} | @attention.v_proj.{p}", thirds},
    {kSwin, "@attn.relative_position_bias_table",
     "@attention.relative_position_bias.relative_position_bias_table"},
    {kSwin, "@attn.proj.{p}", "@attention.o_proj.{p}"},
    {kSwin, "@mlp.fc1.{p}", "@mlp.fc1.{p}"},
    {kSwin, "@mlp.fc2.{p}", "@mlp.fc2.{p}"},
    {kVit, "@norm1.{p}", "layers.{j}.layernorm_before.{p}"},
    {kVit, "@norm2.{p}", "layers.{j}.layernorm_after.{p}"},
    {kVit, "@attn.qkv.{p}",
     "layers.{j}.attention.q_proj.{p} | layers.{j}.attention.k_proj.{p} | "
     "layers.{j}.attention.v_proj.{p}",
     thirds},
    {kVit, "@attn.proj.{p}", "layers.{j}.attention.o_proj.{p}"},
    {kVit, "@mlp.fc1.{p}", "layers.{j}.mlp.fc1.{p}"},
    {kVit, "@mlp.fc2.{p}", "layers.{j}.mlp.fc2.{p}"},
};

// Of classifiers, only read. Patch merging is torch.nn.Unfold, so its channels are in another
// order; in Swin V2 it is the start of a stage.
constexpr NamePair kMm[] = {
    {kSwins, "patch_embed.proj.{p}", "patch_embed.projection.{p}"},
    {kSwins, "patch_embed.norm.{p}"},
    {kSwins, "absolute_pos_embed"},
    {kSwins, "@norm1.{p}"},
    {kSwins, "@norm2.{p}"},
    {kSwin, "@attn.relative_position_bias_table", "@attn.w_msa.relative_position_bias_table"},
    {kSwin, "@attn.qkv.{p}", "@attn.w_msa.qkv.{p}"},
    {kSwinV2, "@attn.qkv.weight", "@attn.w_msa.qkv.weight"},
    {kSwinV2, "@attn.q_bias", "@attn.w_msa.q_bias"},
    {kSwinV2, "@attn.v_bias", "@attn.w_msa.v_bias"},
    {kSwinV2, "@attn.logit_scale", "@attn.w_msa.logit_scale"},
    {kSwinV2, "@attn.cpb_mlp.0.{p}", "@attn.w_msa.cpb_mlp.0.{p}"},
    {kSwinV2, "@attn.cpb_mlp.2.weight", "@attn.w_msa.cpb_mlp.2.weight"},
    {kSwins, "@attn.proj.{p}", "@attn.w_msa.proj.{p}"},
    {kSwins, "@mlp.fc1.{p}", "@ffn.layers.0.0.{p}"},
    {kSwins, "@mlp.fc2.{p}", "@ffn.layers.1.{p}"},
    {kSwin, "layers.{i}.downsample.norm.{p}", "stages.{i}.downsample.norm.{p}", unfold},
    {kSwin, "layers.{i}.downsample.reduction.weight", "stages.{i}.downsample.reduction.weight",
     unfold},
    {kSwinV2, "layers.{i}.downsample.norm.{p}", "stages.{i+1}.downsample.norm.{p}"},
    {kSwinV2, "layers.{i}.downsample.reduction.weight", "stages.{i+1}.downsample.reduction.weight",
     unfold},
    {kSwins, "norm.{p}"},
    {kSwins, kStageNorm},
    {kSwins, "head.{p}", "head.fc.{p}"},
    {kSwin | kSwinV2, "@attn.relative_position_index", "@attn.w_msa.relative_position_index",
     derived},
    {kSwinV2, "@attn.relative_coords_table", "@attn.w_msa.relative_coords_table", derived},
};

constexpr NamePair kTimmRequired[] = {{kSwins, "patch_embed.norm.weight"}};
constexpr NamePair kTorchvisionRequired[] = {
    {kSwins, "patch_embed.norm.weight"},        {kSwin, "layers.0.blocks.0.attn.qkv.bias"},
    {kSwinV2, "layers.0.blocks.0.attn.q_bias"}, {kVit, "cls_token"},
    {kVit, "blocks.0.attn.qkv.bias"},           {kAll, "head.weight"},
};
constexpr NamePair kHuggingfaceRequired[] = {{kSwins, "patch_embed.norm.weight"},
                                             {kVit, "cls_token"}};

constexpr DialectTable kTables[] = {
    {kBlock, kVitBlock, kOfficial, {}},
    {kBlock, kVitBlock, kTimm, kTimmRequired},
    {"features.{2i+1}.{j}.", "encoder.layers.encoder_layer_{j}.", kTorchvision,
     kTorchvisionRequired},
    {"encoder.layers.{i}.blocks.{j}.", "encoder.layer.{j}.", kHuggingface, kHuggingfaceRequired},
    {"stages.{i}.blocks.{j}.", "", kMm, {}},
};

}  // namespace

const DialectTable& table_of(Dialect dialect) { return kTables[static_cast<size_t>(dialect)]; }

unsigned model_bit(std::string_view model_name) {
  if (model_name == "swin_v2") return kSwinV2;
  if (model_name == "swin_mlp") return kSwinMlp;
  if (model_name == "vit") return kVit;
  return kSwin;
}

}  // namespace swin::weights
