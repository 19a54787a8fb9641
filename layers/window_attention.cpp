#include "layers/window_attention.h"

#include <cmath>
#include <utility>

#include "autograd/tape/op.h"

namespace swin::layers {

using namespace autograd;
using autograd::Size2;
using autograd::WindowLayout;

constexpr double kTableStd = 0.02;

// ---- dot-product attention ----------------------------------------------------------------------

WindowAttention::WindowAttention(const Scope& scope, const ModelConfig& config, int64_t stage,
                                 int64_t block)
    : WindowMixer(scope, config, stage, block),
      scale_(static_cast<real>(config.qk_scale_of(stage))) {
  const int64_t dim = config.dim_of(stage);
  const Size2 w = window_layout(config, stage, block).window;
  table_ = scope.parameter("relative_position_bias_table",
                           {(2 * w[0] - 1) * (2 * w[1] - 1), num_heads()},
                           Initializer::normal(kTableStd), WeightDecay::no);
  qkv_ = Linear(scope / "qkv", dim, 3 * dim, config.qkv_bias, config.init_std);
  proj_ = Linear(scope / "proj", dim, dim, true, config.init_std);
  attn_drop_ = Dropout(scope, "attn_drop", config.attn_drop_rate);
  proj_drop_ = Dropout(scope, "proj_drop", config.drop_rate);
}

Tensor WindowAttention::operator()(const Tensor& x, const Pass& pass) const {
  const NamedScope named(path_);
  const WindowLayout windows = layout_of(x);
  Tensor y = window_attention(qkv_(pad_to_windows(x, windows)), table_.tensor(), windows,
                              attention_options(num_heads(), scale_, attn_drop_, pass));
  y = crop_to_map(std::move(y), windows);
  return proj_drop_(proj_(y), pass);
}

std::optional<Tensor> WindowAttention::residual(const Tensor& x, const NormWeights& norm,
                                                NormPlace place, const KeptSamples& kept,
                                                const Pass& pass) const {
  const WindowLayout windows = layout_of(x);
  if (place == NormPlace::after || windows.padded != windows.map || proj_drop_.active(pass))
    return {};
  const NamedScope named(path_);
  return attention_residual(x, norm, qkv_.weights(), table_.tensor(), proj_.weights(), windows,
                            attention_options(num_heads(), scale_, attn_drop_, pass), kept);
}

// ---- scaled cosine attention --------------------------------------------------------------------

ScaledCosineAttention::ScaledCosineAttention(const Scope& scope, const ModelConfig& config,
                                             int64_t stage, int64_t block)
    : WindowMixer(scope, config, stage, block),
      qkv_path_((scope / "qkv").path()),
      position_path_((scope / "cpb_mlp").path()) {
  constexpr int64_t kPositionHidden = 512;
  const int64_t dim = config.dim_of(stage);
  logit_scale_ = scope.parameter("logit_scale", {num_heads(), 1, 1},
                                 Initializer::constant(std::log(10.0)), WeightDecay::no);
  cpb_hidden_ =
      Linear(scope / "cpb_mlp" / "0", 2, kPositionHidden, true, config.init_std, WeightDecay::no);
  cpb_out_ = Linear(scope / "cpb_mlp" / "2", kPositionHidden, num_heads(), false, config.init_std,
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

Tensor ScaledCosineAttention::position_bias_table(const WindowLayout& windows) const {
  const NamedScope named(position_path_);
  const Uncounted uncounted;  // the published flops() omit this MLP
  const std::vector<double> distances =
      log_spaced_coordinates<double>(windows.window, windows.pretrained);
  Tensor coordinates({static_cast<int64_t>(distances.size()) / 2, 2});
  if (real* to = coordinates.mutable_data())
    for (const double distance : distances) *to++ = static_cast<real>(distance);
  return scale(sigmoid(cpb_out_(relu(cpb_hidden_(coordinates)))), 16);
}

Tensor ScaledCosineAttention::operator()(const Tensor& x, const Pass& pass) const {
  const NamedScope named(path_);
  const WindowLayout windows = layout_of(x);
  const Tensor table = position_bias_table(windows);
  const Tensor& logit_scale = logit_scale_.tensor();
  Tensor y = window_attention(cosine_qkv(qkv(pad_to_windows(x, windows)), logit_scale, num_heads()),
                              table, windows, attention_options(num_heads(), 1, attn_drop_, pass));
  y = crop_to_map(std::move(y), windows);
  return proj_drop_(proj_(y), pass);
}

}  // namespace swin::layers
