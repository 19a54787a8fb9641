// Multi-head self-attention inside (shifted) windows, as a layer: W-MSA and SW-MSA.
#pragma once
#include "layers/basic.h"
#include "layers/model_config.h"

namespace swin::layers {

/// Sides of the windows of a stage and the shift of its odd blocks, for maps of one size.
struct WindowPlan {
  Size2 window{}, shift{};
};
/// @param map the stage's map at the config's image size.
/// @throws UsageError where pad_mode is "assert" and the window does not divide the map.
WindowPlan plan_windows(const ModelConfig& config, Size2 map, int64_t stage);

class WindowAttention {
 public:
  WindowAttention() = default;
  WindowAttention(const Scope& scope, const ModelConfig& config, int64_t dim, int64_t num_heads,
                  const WindowPlan& windows);
  /// @param x (B, H, W, dim), normalised   @return (B, H, W, dim)
  Tensor operator()(const Tensor& x, const Pass& pass) const;
  const WindowPlan& windows() const { return windows_; }

 private:
  std::string path_;
  WindowPlan windows_;
  PadMode pad_mode_ = PadMode::pad_then_roll;
  int64_t num_heads_ = 1;
  real scale_ = 1;
  Linear qkv_, proj_;
  Parameter table_;
  Dropout attn_drop_, proj_drop_;
};

}  // namespace swin::layers
