#include "layers/window_attention.h"

#include <algorithm>
#include <cmath>

#include "autograd/tape/op.h"
#include "base/errors.h"

namespace swin::layers {

using namespace autograd;
using autograd::Size2;

namespace {
constexpr double kTableStd = 0.02;

int64_t round_up(int64_t n, int64_t step) { return (n + step - 1) / step * step; }

std::string text(Size2 size) { return std::to_string(size[0]) + "×" + std::to_string(size[1]); }
}  // namespace

WindowPlan plan_windows(const ModelConfig& config, Size2 map, int64_t stage) {
  WindowPlan plan{config.window_size, {config.window_size[0] / 2, config.window_size[1] / 2}};
  Size2& window = plan.window;
  switch (config.window_shrink) {
    case WindowShrink::official:
      if (map[0] <= window[0] || map[1] <= window[1]) {
        const int64_t side = std::min(map[0], map[1]);
        window = {std::min(window[0], side), std::min(window[1], side)};
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
      break;  // the forward drops the shift where one window covers the map
  }
  if (config.pad_mode == PadMode::reject && (map[0] % window[0] != 0 || map[1] % window[1] != 0))
    throw base::UsageError(
        "model.window_size",
        "found a " + text(map) + " map in stage " + std::to_string(stage) + " and windows of " +
            text(window) + ", expected windows that divide it (pad_mode is \"assert\")",
        "choose another image_size or window_size, or pad_mode \"pad_then_roll\"");
  return plan;
}

WindowAttention::WindowAttention(const Scope& scope, const ModelConfig& config, int64_t dim,
                                 int64_t num_heads, const WindowPlan& windows)
    : path_(scope.path()), windows_(windows), pad_mode_(config.pad_mode), num_heads_(num_heads) {
  scale_ = static_cast<real>(config.qk_scale.value_or(
      1 / std::sqrt(static_cast<double>(dim) / static_cast<double>(num_heads))));
  const Size2 w = windows.window;
  table_ =
      scope.parameter("relative_position_bias_table", {(2 * w[0] - 1) * (2 * w[1] - 1), num_heads},
                      Initial::normal(kTableStd), WeightDecay::no);
  qkv_ = Linear(scope / "qkv", dim, 3 * dim, config.qkv_bias, config.init_std);
  proj_ = Linear(scope / "proj", dim, dim, true, config.init_std);
  attn_drop_ = Dropout(scope, "attn_drop", config.attn_drop_rate);
  proj_drop_ = Dropout(scope, "proj_drop", config.drop_rate);
}

Tensor WindowAttention::operator()(const Tensor& x, const Pass& pass) const {
  const Named named(path_);
  const Size2 map = {x.dim(1), x.dim(2)};
  WindowGeometry geometry;
  geometry.window = windows_.window;
  geometry.shift = windows_.shift;
  const Size2 padded = {round_up(map[0], geometry.window[0]), round_up(map[1], geometry.window[1])};
  // One window from edge to edge has no neighbour to shift towards.
  for (size_t i : {0u, 1u})
    if (padded[i] <= geometry.window[i]) geometry.shift[i] = 0;
  const bool pads = padded != map;
  const bool shifts = geometry.shift[0] > 0 || geometry.shift[1] > 0;
  geometry.rolled = pads && shifts && pad_mode_ == PadMode::roll_then_pad;
  if (pads && pad_mode_ == PadMode::masked) geometry.valid = map;

  AttentionOptions options;
  options.num_heads = num_heads_;
  options.scale = scale_;
  options.drop_rate = pass.training ? attn_drop_.rate() : 0;
  options.draw = pass.draw(attn_drop_.stream());

  Tensor y = x;
  if (geometry.rolled) y = roll(y, {-geometry.shift[0], -geometry.shift[1]});
  if (pads) y = resize_map(y, padded);
  y = window_attention(qkv_(y), table_.tensor(), geometry, options);
  if (pads) y = resize_map(y, map);
  if (geometry.rolled) y = roll(y, geometry.shift);
  return proj_drop_(proj_(y), pass);
}

}  // namespace swin::layers
