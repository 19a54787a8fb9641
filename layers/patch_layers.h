// The layers that change the size of the map: patch embedding, and patch merging between stages.
#pragma once
#include <string>

#include "layers/basic.h"
#include "layers/model_config.h"

namespace swin::layers {

/// Images (B, H, W, in_chans) → tokens (B, ⌈H/p⌉, ⌈W/p⌉, embed_dim). If the patch size p does not
/// divide a side, the image is padded with zeros at the bottom or right.
class PatchEmbed {
 public:
  PatchEmbed() = default;
  /// @param norm whether a LayerNorm follows
  PatchEmbed(const Scope& scope, const ModelConfig& config, bool norm);
  Tensor operator()(const Tensor& images) const;

 private:
  std::string path_;
  int64_t patch_ = 4;
  Parameter weight_, bias_;
  bool has_norm_ = false;
  LayerNorm norm_;
};

/// (B, H, W, C) → (B, ⌈H/2⌉, ⌈W/2⌉, 2C): concatenates the channels of 2 × 2 neighbors in the order
/// of autograd::patch_merging, then LayerNorm(4C) and Linear(4C → 2C). Swin V2 has the Linear
/// first, then LayerNorm(2C).
/// Source: Liu et al. 2021, arXiv:2103.14030, section 3.1; Liu et al. 2022, arXiv:2111.09883,
/// figure 1.
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
