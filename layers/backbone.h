// A Swin as feature extractor, the door for detection and segmentation: maps of chosen stages at
// strides 4, 8, 16, 32, each behind a LayerNorm of its own.
#pragma once
#include <string>
#include <vector>

#include "layers/swin_transformer.h"

namespace swin::layers {

struct BackboneOptions {
  std::vector<int64_t> out_stages = {0, 1, 2, 3};  ///< ascending
  /// −1: nothing is frozen; 0: patch and position embedding; k: also the first k stages with their
  /// norms. Frozen parts get no gradients and run as in evaluation.
  int64_t frozen_stages = -1;
};

/// Parameters in the published detection names: patch_embed.…, layers.…, norm{stage}.… .
/// Windows never shrink and always shift, as in the published detectors: maps smaller than a window
/// are padded, so any image size works. Stages behind the last chosen one are not made.
class Backbone {
 public:
  /// @param config swin, swin_v2 or swin_mlp; num_classes is not used.
  /// @throws UsageError where config or options ask for the impossible.
  Backbone(const Scope& scope, const ModelConfig& config, const BackboneOptions& options = {});
  /// @param images (B, H, W, in_chans), normalized, of any size.
  /// @return one map (B, ⌈H/stride⌉, ⌈W/stride⌉, C) for each chosen stage; stride is patch ·
  /// 2^stage.
  std::vector<Tensor> operator()(const Tensor& images, const Pass& pass) const;
  /// Takes the gradients from the parameters of the frozen stages.
  /// @param parameters those of the constructor's scope, allocated.
  void freeze(Parameters& parameters) const;
  /// Channels and stride of each output, in order.
  struct Output {
    int64_t stage = 0, channels = 0, stride = 0;
  };
  const std::vector<Output>& outputs() const { return outputs_; }

 private:
  std::string path_;
  BackboneOptions options_;
  SwinStages trunk_;
  std::vector<Output> outputs_;
  std::vector<LayerNorm> norms_;  ///< one per output
};

}  // namespace swin::layers
