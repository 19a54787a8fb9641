// SimMIM: masked image modeling. A Swin sees the unmasked patches and predicts all pixels.
// Source: Xie et al. 2022, arXiv:2111.09886, figure 1.
#pragma once
#include "layers/swin_transformer.h"

namespace swin::layers {

/// An encoder (a Swin without head; a learned token replaces the masked ones) and a decoder (one
/// linear layer from each token of the last map to the pixels it covers). Parameters have the
/// published names: encoder.mask_token, encoder.…, decoder.0.weight, decoder.0.bias.
class MaskedImageModel {
 public:
  /// @param config swin, swin_v2 or swin_mlp; num_classes is not used.
  MaskedImageModel(const Scope& scope, const ModelConfig& config);
  /// @param images (B, H, W, in_chans), normalized.
  /// @param mask (B, ⌈H/patch⌉, ⌈W/patch⌉), 1 where a token is masked
  /// @return (B, h · stride, w · stride, in_chans): the predicted images; h × w is the last map
  Tensor operator()(const Tensor& images, const Tensor& mask, const Pass& pass) const;
  /// A token of the last map covers stride() × stride() pixels: patch · 2^(stages − 1).
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
