// Multi-head self-attention within (shifted) windows, W-MSA and SW-MSA: with dot products (Swin)
// and with scaled cosines (Swin V2). The layout says which tokens are in a window and which of them
// must not see each other; autograd::window_attention rolls and masks by it.
#pragma once
#include <optional>
#include <string>

#include "layers/basic.h"
#include "layers/window_layout.h"

namespace swin::layers {

/// A layer that mixes the tokens within windows: (B, H, W, dim) to the same shape.
class WindowMixer : public TokenLayer {
 protected:
  /// @param block index within the stage
  WindowMixer(const Scope& scope, const ModelConfig& config, int64_t stage, int64_t block)
      : path_(scope.path()), config_(config), stage_(stage), block_(block) {}
  /// The windows on the map x.
  WindowLayout layout_of(const Tensor& x) const {
    return window_layout(config_, stage_, block_, {x.dim(1), x.dim(2)});
  }
  int64_t num_heads() const { return config_.num_heads[static_cast<size_t>(stage_)]; }

  std::string path_;
  ModelConfig config_;
  int64_t stage_, block_;
};

/// softmax(scale · q kᵀ + relative position bias) v.
/// Source: Liu et al. 2021, arXiv:2103.14030, section 3.2 and equation 4.
class WindowAttention : public WindowMixer {
 public:
  WindowAttention(const Scope& scope, const ModelConfig& config, int64_t stage, int64_t block);
  Tensor operator()(const Tensor& x, const Pass& pass) const override;
  /// Where the map is padded, and with dropout of the result, the half has to be composed.
  std::optional<Tensor> residual(const Tensor& x, const autograd::NormWeights& norm,
                                 autograd::NormPlace place, const autograd::KeptSamples& kept,
                                 const Pass& pass) const override;

 private:
  real scale_;
  Linear qkv_, proj_;
  Parameter table_;
  Dropout attn_drop_, proj_drop_;
};

/// softmax(cos(q, k) · exp(min(logit_scale, ln 100)) + 16 · sigmoid(cpb_mlp(distance))) v. The MLP
/// cpb_mlp maps the log-spaced distance of two tokens to their position bias per head.
/// Source: Liu et al. 2022, arXiv:2111.09883, sections 3.2 and 3.3, equations 2 to 4.
class ScaledCosineAttention : public WindowMixer {
 public:
  ScaledCosineAttention(const Scope& scope, const ModelConfig& config, int64_t stage,
                        int64_t block);
  Tensor operator()(const Tensor& x, const Pass& pass) const override;

 private:
  Tensor qkv(const Tensor& x) const;
  Tensor position_bias_table(const WindowLayout& windows) const;

  std::string qkv_path_, position_path_;
  Parameter logit_scale_, qkv_weight_, q_bias_, v_bias_;
  Linear cpb_hidden_, cpb_out_, proj_;
  Dropout attn_drop_, proj_drop_;
};

}  // namespace swin::layers
