// The block of every architecture: two residual halves, one that mixes the tokens and an MLP.
// Source: Liu et al. 2021, arXiv:2103.14030, figure 3b and equation 3; Liu et al. 2022,
// arXiv:2111.09883, figure 1.
#pragma once
#include <memory>
#include <string>
#include <utility>

#include "layers/basic.h"
#include "layers/model_config.h"

namespace swin::layers {

/// x + DropPath(layer(LN(x))), or, with the norm after the layer (res-post-norm of Swin V2),
/// x + DropPath(LN(layer(x))). Dropped samples are not computed, except under PlainOps.
/// One op where the layer has one (TokenLayer::residual), else composed.
class ResidualHalf {
 public:
  using Norm = autograd::NormPlace;
  ResidualHalf(LayerNorm norm, std::unique_ptr<TokenLayer> layer, DropPath drop_path, Norm position)
      : norm_(std::move(norm)),
        layer_(std::move(layer)),
        drop_path_(drop_path),
        position_(position) {}
  Tensor operator()(const Tensor& x, const Pass& pass) const;

 private:
  Tensor branch(const Tensor& x, const Pass& pass) const;
  LayerNorm norm_;
  std::unique_ptr<TokenLayer> layer_;
  DropPath drop_path_;
  Norm position_;
};

/// Swin, Swin-MLP and ViT have the norms before the layers, Swin V2 after them; the weights of its
/// norms are initially zero, so its blocks start as the identity.
class Block {
 public:
  /// @param block index within the stage
  Block(const Scope& scope, const ModelConfig& config, int64_t stage, int64_t block);
  /// @param x (B, H, W, dim), or (B, N, dim) for a ViT   @return the shape of x
  Tensor operator()(const Tensor& x, const Pass& pass) const;

 private:
  std::string path_;
  ResidualHalf mixing_, mlp_;
};

}  // namespace swin::layers
