// The Swin Transformers: patch embedding, stages of (shifted) window blocks with patch merging
// between them, norm, mean over tokens, head. Swin, Swin V2 and Swin-MLP differ in the layer that
// mixes the tokens of a window and in the position of the norms.
// Source: Liu et al. 2021, arXiv:2103.14030, figure 3; Liu et al. 2022, arXiv:2111.09883, figure 1.
#pragma once
#include <vector>

#include "layers/block.h"
#include "layers/network.h"
#include "layers/patch_layers.h"
#include "layers/window_layout.h"

namespace swin::layers {

/// The tokens to replace before the first block (SimMIM).
struct TokenMask {
  Tensor mask;   ///< (B, H, W), 1 where a token is replaced; undefined: none
  Tensor token;  ///< embed_dim elements
};

/// Everything before the final norm and head, shared by the classifier, the backbone and SimMIM.
class SwinStages {
 public:
  /// @throws UsageError if the config does not describe a possible model
  SwinStages(const Scope& scope, const ModelConfig& config);
  /// @param images (B, H, W, in_chans), normalized.
  /// @param features if not null, each stage's map (B, H, W, C) before its downsampling is appended
  /// @return the last stage's map.
  /// @throws UsageError for images of another size if the model has an absolute position embedding
  Tensor operator()(const Tensor& images, const Pass& pass, std::vector<Tensor>* features = nullptr,
                    const TokenMask& mask = {}) const;
  int64_t out_dim() const { return out_dim_; }  ///< channels of the last stage
  /// Runs the frozen parts in evaluation mode.
  /// @param frozen as BackboneOptions::frozen_stages
  void freeze(int64_t frozen) { frozen_stages_ = frozen; }

 private:
  struct Stage {
    std::vector<Block> blocks;
    bool has_downsample = false;
    PatchMerging downsample;
  };
  PatchEmbed patch_embed_;
  Size2 embedded_map_{};  ///< of absolute_pos_embed_
  Parameter absolute_pos_embed_;
  Dropout pos_drop_;
  std::vector<Stage> layers_;
  int64_t out_dim_ = 0;
  int64_t frozen_stages_ = -1;
};

class SwinTransformer : public Network {
 public:
  SwinTransformer(const Scope& scope, const ModelConfig& config);
  Tensor operator()(const Tensor& images, const Pass& pass,
                    std::vector<Tensor>* features) const override;

 private:
  SwinStages trunk_;
  int64_t published_norm_macs_;  ///< of an image: what the published flops() count too much
  LayerNorm norm_;
  Linear head_;
};

}  // namespace swin::layers
