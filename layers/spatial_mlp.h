// Swin-MLP mixes the tokens of a window by one matrix per head instead of attention.
#pragma once
#include "layers/window_attention.h"

namespace swin::layers {

/// y[i, c] = Σⱼ W[h, i, j] x[j, c] + b[h, i] within every window, h being the head of channel c:
/// the published grouped Conv1d. As published, shifted windows are made by padding the map with
/// zeros on all sides, not by rolling and masking.
/// Source: the published Swin-MLP (arXiv:2103.14030, appendix; models/swin_mlp.py).
class SpatialMlp : public WindowMixer {
 public:
  /// Parameters spatial_mlp.weight (heads · area, area, 1) and spatial_mlp.bias (heads · area).
  SpatialMlp(const Scope& scope, const ModelConfig& config, int64_t stage, int64_t block);
  Tensor operator()(const Tensor& x, const Pass& pass) const override;

 private:
  Tensor mix(const Tensor& map, Size2 window) const;

  Parameter weight_, bias_;
};

}  // namespace swin::layers
