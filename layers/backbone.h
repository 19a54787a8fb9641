// A Swin as feature extractor for detection and segmentation: the maps of chosen stages, at strides
// 4, 8, 16 and 32, each after its own LayerNorm.
#pragma once
#include <string>
#include <vector>

#include "layers/swin_transformer.h"

namespace swin::layers {

struct BackboneOptions {
  std::vector<int64_t> out_stages = {0, 1, 2, 3};  ///< ascending
  /// −1: nothing is frozen; 0: patch and position embedding; k: also the first k stages and their
  /// norms. Frozen parts get no gradients and run in evaluation mode.
  int64_t frozen_stages = -1;
};

/// Parameters have the names of the published detectors: patch_embed.…, layers.…, norm{stage}.… .
/// As there, windows never shrink and always shift: maps smaller than a window are padded, so any
/// image size works. The stages after the last chosen one are not built.
class Backbone {
 public:
  /// @param config swin, swin_v2 or swin_mlp; num_classes is not used.
  /// @throws UsageError if config or options do not describe a possible model.
  Backbone(const Scope& scope, const ModelConfig& config, const BackboneOptions& options = {});
  /// @param images (B, H, W, in_chans), normalized, of any size.
  /// @return one map (B, ⌈H/stride⌉, ⌈W/stride⌉, C) per chosen stage, stride = patch · 2^stage
  std::vector<Tensor> operator()(const Tensor& images, const Pass& pass) const;
  /// Makes the parameters of the frozen stages untrainable.
  /// @param parameters those of the constructor's scope, after allocate()
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
