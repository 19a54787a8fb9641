// ViT, the baseline of the Swin papers: one resolution, every token attends to every other.
// Parameters have timm's names.
// Source: Dosovitskiy et al. 2021, arXiv:2010.11929.
#pragma once
#include <string>
#include <vector>

#include "layers/network.h"
#include "layers/patch_layers.h"

namespace swin::layers {

/// x + DropPath(MSA(LN(x))), then x + DropPath(MLP(LN(x))).
class TransformerBlock {
 public:
  TransformerBlock(const Scope& scope, const ModelConfig& config, double drop_path_rate);
  /// @param x (B, N, dim)   @return (B, N, dim)
  Tensor operator()(const Tensor& x, const Pass& pass) const;

 private:
  std::string path_, attn_path_;
  int64_t num_heads_;
  real scale_;
  LayerNorm norm1_, norm2_;
  Linear qkv_, proj_;
  Dropout attn_drop_, proj_drop_;
  Mlp mlp_;
  DropPath drop_path1_, drop_path2_;
};

class VisionTransformer : public Network {
 public:
  /// @throws UsageError if the config does not describe a possible model
  VisionTransformer(const Scope& scope, const ModelConfig& config);
  /// @param features if not null, the last block's tokens, without the class token, are appended as
  ///     a map (B, H, W, C)
  /// @throws UsageError for images of another size: the position embedding has one row per token
  Tensor operator()(const Tensor& images, const Pass& pass,
                    std::vector<Tensor>* features) const override;

 private:
  bool class_token_;
  Size2 embedded_map_{};  ///< of pos_embed_
  PatchEmbed patch_embed_;
  Parameter cls_token_, pos_embed_;
  Dropout pos_drop_;
  std::vector<TransformerBlock> blocks_;
  LayerNorm norm_;
  Linear head_;
};

}  // namespace swin::layers
