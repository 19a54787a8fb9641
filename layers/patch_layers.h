// The layers that change the size of the map: images into tokens, and tokens merged between stages.
#pragma once
#include <string>

#include "layers/basic.h"
#include "layers/model_config.h"

namespace swin::layers {

/// The tokens of an image: ⌈height/patch⌉ × ⌈width/patch⌉.
Size2 token_map(const ModelConfig& config);

/// Images (B, H, W, in_chans) → tokens (B, ⌈H/p⌉, ⌈W/p⌉, embed_dim). A side that no patch divides
/// is padded with zeros below and to the right.
class PatchEmbed {
 public:
  PatchEmbed() = default;
  /// @param norm a LayerNorm over the tokens follows.
  PatchEmbed(const Scope& scope, const ModelConfig& config, bool norm);
  Tensor operator()(const Tensor& images) const;

 private:
  std::string path_;
  int64_t patch_ = 4;
  Parameter weight_, bias_;
  bool has_norm_ = false;
  LayerNorm norm_;
};

/// (B, H, W, C) → (B, ⌈H/2⌉, ⌈W/2⌉, 2C): neighbors side by side, then LayerNorm(4C) and
/// Linear(4C → 2C); in Swin V2 the Linear first and LayerNorm(2C) after it (arXiv:2111.09883,
/// figure 1).
class PatchMerging {
 public:
  PatchMerging() = default;
  /// @param dim C
  PatchMerging(const Scope& scope, const ModelConfig& config, int64_t dim);
  Tensor operator()(const Tensor& x) const;

 private:
  std::string path_;
  bool norm_after_ = false;
  LayerNorm norm_;
  Linear reduction_;
};

}  // namespace swin::layers
