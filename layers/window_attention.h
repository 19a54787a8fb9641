// Multi-head self-attention inside (shifted) windows, as layers: W-MSA and SW-MSA with dot products
// (Swin) and with scaled cosines (Swin V2).
#pragma once
#include <functional>

#include "layers/basic.h"
#include "layers/model_config.h"

namespace swin::layers {

/// Sides of the windows of a stage and the shift of its odd blocks, for maps of one size.
struct WindowPlan {
  Size2 window{}, shift{};
  /// Sides that one window covers are shifted too (detection); else the shift is dropped there.
  bool shifts_single_windows = false;
};
/// @param map the stage's map at the config's image size.
/// @throws UsageError where pad_mode is "assert" and the window does not divide the map.
WindowPlan plan_windows(const ModelConfig& config, Size2 map, int64_t stage);

/// What mixes the tokens of one window of a block; the other half of a block is its Mlp.
class WindowMixer {
 public:
  virtual ~WindowMixer() = default;
  /// @param x (B, H, W, dim)   @return (B, H, W, dim)
  virtual Tensor operator()(const Tensor& x, const Pass& pass) const = 0;
};

/// Pads a map to whole windows, lets `attend(padded map, windows)` work on it and cuts the padding
/// off again; rolled before the padding where pad_mode says so (docs/numerics.md, "Padding").
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

/// softmax(cos(q, k) · exp(min(logit_scale, ln 100)) + 16 · sigmoid(position bias)) v, the bias of
/// a pair of tokens being a small network's answer to their log-spaced distance.
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

/// The coordinates that the position bias network reads: for every distance (Δy, Δx) inside a
/// window, rows as in relative_position_bias_table, sign(d) · log₂(|d| + 1) / 3 of
/// d = 8 Δ / (side − 1).
/// @param pretrained sides of the windows the network was trained with, 0: `window`. A side of one
///     token has the distance 0 alone, where the published code divides by zero.
/// @return ((2·window₀ − 1)(2·window₁ − 1), 2).   Source: arXiv:2111.09883, equation 4.
Tensor log_spaced_coordinates(Size2 window, Size2 pretrained);

}  // namespace swin::layers
