// SimMIM: a Swin that sees part of an image's tokens and draws the pixels of all.
// Source: Xie et al. 2022, arXiv:2111.09886, figure 1.
#pragma once
#include "layers/swin_transformer.h"

namespace swin::layers {

/// Encoder (a Swin without head whose masked tokens are one learnt token) and decoder (one linear
/// layer from each token of the last map to the pixels below it). Parameters in the published
/// names: encoder.mask_token, encoder.…, decoder.0.weight, decoder.0.bias.
class MaskedImageModel {
 public:
  /// @param config swin, swin_v2 or swin_mlp; num_classes is not used.
  MaskedImageModel(const Scope& scope, const ModelConfig& config);
  /// @param images (B, H, W, in_chans), normalized.
  /// @param mask (B, ⌈H/patch⌉, ⌈W/patch⌉), 1 where a token is hidden.
  /// @return (B, h · stride, w · stride, in_chans): the drawn images, h × w being the last map.
  Tensor operator()(const Tensor& images, const Tensor& mask, const Pass& pass) const;
  /// Pixels a side that one token of the last map draws: patch · 2^(stages − 1).
  int64_t stride() const { return stride_; }

 private:
  int64_t stride_, in_chans_;
  std::string decoder_path_;
  SwinStages encoder_;
  Parameter mask_token_;
  LayerNorm norm_;
  Parameter decoder_weight_, decoder_bias_;
};

}  // namespace swin::layers
