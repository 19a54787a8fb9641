#include "layers/window_attention.h"

#include <algorithm>
#include <cmath>

#include "autograd/tape/op.h"
#include "base/errors.h"
#include "base/integer.h"
#include "base/size2.h"

namespace swin::layers {

using namespace autograd;
using autograd::Size2;

namespace {
constexpr double kTableStd = 0.02;

AttentionOptions attention_options(int64_t num_heads, real scale, const Dropout& drop,
                                   const Pass& pass) {
  AttentionOptions options;
  options.num_heads = num_heads;
  options.scale = scale;
  options.drop_rate = pass.training ? drop.rate() : 0;
  options.draw = pass.draw(drop.stream());
  return options;
}
}  // namespace

WindowPlan plan_windows(const ModelConfig& config, Size2 map, int64_t stage) {
  const Size2 side = config.window_of(stage);
  WindowPlan plan{side, {side[0] / 2, side[1] / 2}};
  Size2& window = plan.window;
  switch (config.window_shrink) {
    case WindowShrink::official:
      if (map[0] <= window[0] || map[1] <= window[1]) {
        const int64_t smaller = std::min(map[0], map[1]);
        window = {std::min(window[0], smaller), std::min(window[1], smaller)};
        plan.shift = {0, 0};
      }
      break;
    case WindowShrink::per_dimension:
      for (size_t i : {0u, 1u})
        if (map[i] <= window[i]) {
          window[i] = map[i];
          plan.shift[i] = 0;
        }
      break;
    case WindowShrink::never:
      break;  // attend_in_windows drops the shift if one window covers the map
    case WindowShrink::always_shift:
      plan.shifts_single_windows = true;
      break;
  }
  if (config.pad_mode == PadMode::reject && (map[0] % window[0] != 0 || map[1] % window[1] != 0))
    throw base::UsageError(
        "model.window_size",
        "found a " + base::size_text(map) + " map in stage " + std::to_string(stage) +
            " and windows of " + base::size_text(window) +
            ", expected windows that divide it (pad_mode is \"assert\")",
        "choose another image_size or window_size, or pad_mode \"pad_then_roll\"");
  return plan;
}

Tensor attend_in_windows(
    const Tensor& x, const WindowPlan& windows, PadMode pad_mode,
    const std::function<Tensor(const Tensor&, const WindowGeometry&)>& attend) {
  const Size2 map = {x.dim(1), x.dim(2)};
  WindowGeometry geometry;
  geometry.window = windows.window;
  geometry.shift = windows.shift;
  const Size2 padded = {base::round_up(map[0], geometry.window[0]),
                        base::round_up(map[1], geometry.window[1])};
  // Along a side that one window covers there is no other window to shift to.
  for (size_t i : {0u, 1u})
    if (padded[i] <= geometry.window[i] && !windows.shifts_single_windows) geometry.shift[i] = 0;
  const bool pads = padded != map;
  const bool shifts = geometry.shift[0] > 0 || geometry.shift[1] > 0;
  geometry.rolled = pads && shifts && pad_mode == PadMode::roll_then_pad;
  if (pads && pad_mode == PadMode::masked) geometry.valid = map;

  Tensor y = x;
  if (geometry.rolled) y = roll(y, {-geometry.shift[0], -geometry.shift[1]});
  if (pads) y = pad_or_crop(y, padded);
  y = attend(y, geometry);
  if (pads) y = pad_or_crop(y, map);
  if (geometry.rolled) y = roll(y, geometry.shift);
  return y;
}

// ---- dot-product attention ----------------------------------------------------------------------

WindowAttention::WindowAttention(const Scope& scope, const ModelConfig& config, int64_t stage,
                                 const WindowPlan& windows)
    : path_(scope.path()),
      windows_(windows),
      pad_mode_(config.pad_mode),
      num_heads_(config.num_heads[static_cast<size_t>(stage)]) {
  const int64_t dim = config.dim_of(stage);
  scale_ = static_cast<real>(config.qk_scale.value_or(
      1 / std::sqrt(static_cast<double>(dim) / static_cast<double>(num_heads_))));
  const Size2 w = windows.window;
  table_ =
      scope.parameter("relative_position_bias_table", {(2 * w[0] - 1) * (2 * w[1] - 1), num_heads_},
                      Initializer::normal(kTableStd), WeightDecay::no);
  qkv_ = Linear(scope / "qkv", dim, 3 * dim, config.qkv_bias, config.init_std);
  proj_ = Linear(scope / "proj", dim, dim, true, config.init_std);
  attn_drop_ = Dropout(scope, "attn_drop", config.attn_drop_rate);
  proj_drop_ = Dropout(scope, "proj_drop", config.drop_rate);
}

Tensor WindowAttention::operator()(const Tensor& x, const Pass& pass) const {
  const NamedScope named(path_);
  const AttentionOptions options = attention_options(num_heads_, scale_, attn_drop_, pass);
  const auto attend = [&](const Tensor& map, const WindowGeometry& geometry) {
    return window_attention(qkv_(map), table_.tensor(), geometry, options);
  };
  return proj_drop_(proj_(attend_in_windows(x, windows_, pad_mode_, attend)), pass);
}

// ---- scaled cosine attention --------------------------------------------------------------------

Tensor log_spaced_coordinates(Size2 window, Size2 pretrained) {
  const Size2 sides = {2 * window[0] - 1, 2 * window[1] - 1};
  const auto coordinate = [&](int64_t position, size_t axis) {
    const int64_t side = pretrained[axis] > 0 ? pretrained[axis] : window[axis];
    const double d = 8 * static_cast<double>(position - (window[axis] - 1)) /
                     static_cast<double>(std::max<int64_t>(side - 1, 1));
    return std::copysign(std::log2(std::abs(d) + 1) / 3, d);
  };
  Tensor coordinates({sides[0] * sides[1], 2});
  real* to = coordinates.mutable_data();
  for (int64_t i = 0; to && i < sides[0]; ++i)
    for (int64_t j = 0; j < sides[1]; ++j) {
      *to++ = static_cast<real>(coordinate(i, 0));
      *to++ = static_cast<real>(coordinate(j, 1));
    }
  return coordinates;
}

ScaledCosineAttention::ScaledCosineAttention(const Scope& scope, const ModelConfig& config,
                                             int64_t stage, const WindowPlan& windows)
    : path_(scope.path()),
      qkv_path_((scope / "qkv").path()),
      position_path_((scope / "cpb_mlp").path()),
      windows_(windows),
      pretrained_window_{config.pretrained_window_of(stage), config.pretrained_window_of(stage)},
      pad_mode_(config.pad_mode),
      num_heads_(config.num_heads[static_cast<size_t>(stage)]) {
  constexpr int64_t kPositionHidden = 512;
  const int64_t dim = config.dim_of(stage);
  logit_scale_ = scope.parameter("logit_scale", {num_heads_, 1, 1},
                                 Initializer::constant(std::log(10.0)), WeightDecay::no);
  cpb_hidden_ =
      Linear(scope / "cpb_mlp" / "0", 2, kPositionHidden, true, config.init_std, WeightDecay::no);
  cpb_out_ = Linear(scope / "cpb_mlp" / "2", kPositionHidden, num_heads_, false, config.init_std,
                    WeightDecay::no);
  const double deviation = config.init_std.value_or(1 / std::sqrt(static_cast<double>(dim)));
  qkv_weight_ = (scope / "qkv").parameter("weight", {3 * dim, dim}, Initializer::normal(deviation));
  if (config.qkv_bias) {
    q_bias_ = scope.parameter("q_bias", {dim}, Initializer::zeros());
    v_bias_ = scope.parameter("v_bias", {dim}, Initializer::zeros());
  }
  proj_ = Linear(scope / "proj", dim, dim, true, config.init_std);
  attn_drop_ = Dropout(scope, "attn_drop", config.attn_drop_rate);
  proj_drop_ = Dropout(scope, "proj_drop", config.drop_rate);
}

// As published, k has no bias.
Tensor ScaledCosineAttention::qkv(const Tensor& x) const {
  const NamedScope named(qkv_path_);
  Tensor bias;
  if (q_bias_.defined()) {
    const Tensor& q = q_bias_.tensor();
    bias = concat({q, Tensor::filled(q.shape(), 0), v_bias_.tensor()}, 0);
  }
  return linear(x, qkv_weight_.tensor(), bias);
}

Tensor ScaledCosineAttention::position_bias_table() const {
  const NamedScope named(position_path_);
  const Uncounted uncounted;  // the published flops() omit this MLP
  const Tensor coordinates = log_spaced_coordinates(windows_.window, pretrained_window_);
  return scale(sigmoid(cpb_out_(relu(cpb_hidden_(coordinates)))), 16);
}

Tensor ScaledCosineAttention::operator()(const Tensor& x, const Pass& pass) const {
  const NamedScope named(path_);
  const Tensor table = position_bias_table();
  const AttentionOptions options = attention_options(num_heads_, 1, attn_drop_, pass);
  const auto attend = [&](const Tensor& map, const WindowGeometry& geometry) {
    return window_attention(cosine_qkv(qkv(map), logit_scale_.tensor(), num_heads_), table,
                            geometry, options);
  };
  return proj_drop_(proj_(attend_in_windows(x, windows_, pad_mode_, attend)), pass);
}

}  // namespace swin::layers
