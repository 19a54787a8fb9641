// Multi-head self-attention within (shifted) windows, W-MSA and SW-MSA: with dot products (Swin)
// and with scaled cosines (Swin V2).
#pragma once
#include <functional>

#include "layers/basic.h"
#include "layers/model_config.h"

namespace swin::layers {

/// The window size of a stage, and the shift of its odd blocks.
struct WindowPlan {
  Size2 window{}, shift{};
  /// Whether to shift also along a side that one window covers, as the published detectors do.
  bool shifts_single_windows = false;
};
/// @param map the stage's map at the config's image size
/// @throws UsageError if pad_mode is "assert" and the window does not divide the map
WindowPlan plan_windows(const ModelConfig& config, Size2 map, int64_t stage);

/// The layer of a block that mixes the tokens within windows. The other layer is the Mlp.
class WindowMixer {
 public:
  virtual ~WindowMixer() = default;
  /// @param x (B, H, W, dim)   @return (B, H, W, dim)
  virtual Tensor operator()(const Tensor& x, const Pass& pass) const = 0;
};

/// Pads x to whole windows, calls attend(padded x, geometry) and crops the result. Pad mode
/// roll_then_pad rolls x before the padding and back at the end (docs/numerics.md, "Padding").
Tensor attend_in_windows(
    const Tensor& x, const WindowPlan& windows, PadMode pad_mode,
    const std::function<Tensor(const Tensor&, const autograd::WindowGeometry&)>& attend);

/// softmax(scale · q kᵀ + relative position bias) v.
/// Source: Liu et al. 2021, arXiv:2103.14030, section 3.2 and equation 4.
class WindowAttention : public WindowMixer {
 public:
  WindowAttention(const Scope& scope, const ModelConfig& config, int64_t stage,
                  const WindowPlan& windows);
  Tensor operator()(const Tensor& x, const Pass& pass) const override;

 private:
  std::string path_;
  WindowPlan windows_;
  PadMode pad_mode_;
  int64_t num_heads_;
  real scale_;
  Linear qkv_, proj_;
  Parameter table_;
  Dropout attn_drop_, proj_drop_;
};

/// softmax(cos(q, k) · exp(min(logit_scale, ln 100)) + 16 · sigmoid(cpb_mlp(distance))) v. The MLP
/// cpb_mlp maps the log-spaced distance of two tokens to their position bias per head.
/// Source: Liu et al. 2022, arXiv:2111.09883, sections 3.3 and 3.4.
class ScaledCosineAttention : public WindowMixer {
 public:
  ScaledCosineAttention(const Scope& scope, const ModelConfig& config, int64_t stage,
                        const WindowPlan& windows);
  Tensor operator()(const Tensor& x, const Pass& pass) const override;

 private:
  Tensor qkv(const Tensor& x) const;
  Tensor position_bias_table() const;

  std::string path_, qkv_path_, position_path_;
  WindowPlan windows_;
  Size2 pretrained_window_;
  PadMode pad_mode_;
  int64_t num_heads_;
  Parameter logit_scale_, qkv_weight_, q_bias_, v_bias_;
  Linear cpb_hidden_, cpb_out_, proj_;
  Dropout attn_drop_, proj_drop_;
};

/// The inputs of cpb_mlp: for every distance (Δy, Δx) within a window, in the order of
/// relative_position_bias_table, sign(d) · log₂(|d| + 1) / 3 with d = 8 Δ / (side − 1). For a side
/// of one token, where the published code divides by zero, the only distance is 0.
/// @param pretrained size of the windows the weights were trained with; 0: `window`
/// @return ((2·window₀ − 1)(2·window₁ − 1), 2)
/// Source: Liu et al. 2022, arXiv:2111.09883, equation 4.
Tensor log_spaced_coordinates(Size2 window, Size2 pretrained);

}  // namespace swin::layers
