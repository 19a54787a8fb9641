// Multi-head self-attention of a ViT: every token attends to every other.
#pragma once
#include <string>

#include "layers/basic.h"
#include "layers/model_config.h"

namespace swin::layers {

/// softmax(scale · q kᵀ) v.
/// Source: Dosovitskiy et al. 2021, arXiv:2010.11929, appendix A.
class GlobalAttention : public TokenLayer {
 public:
  GlobalAttention(const Scope& scope, const ModelConfig& config, int64_t stage);
  /// @param x (B, N, dim)   @return (B, N, dim)
  Tensor operator()(const Tensor& x, const Pass& pass) const override;

 private:
  std::string path_;
  int64_t num_heads_;
  real scale_;
  Linear qkv_, proj_;
  Dropout attn_drop_, proj_drop_;
};

}  // namespace swin::layers
