// ViT, the baseline of the Swin papers: one resolution, every token attends to every other.
// Parameters have timm's names.
// Source: Dosovitskiy et al. 2021, arXiv:2010.11929.
#pragma once
#include <vector>

#include "layers/block.h"
#include "layers/network.h"
#include "layers/patch_layers.h"

namespace swin::layers {

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
  std::vector<Block> blocks_;
  LayerNorm norm_;
  Linear head_;
};

}  // namespace swin::layers
