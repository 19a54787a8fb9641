#include "layers/basic.h"

#include <cmath>
#include <memory>

#include "autograd/tape/op.h"

namespace swin::layers {

using autograd::NamedScope;

void Pass::update(const Parameter& buffer, const Tensor& statistics, real momentum) const {
  if (buffer_updates && !autograd::Recomputing::active())
    buffer_updates->push_back({buffer, statistics.detached(), momentum});
}

Pass Pass::of(const autograd::KeptSamples& kept) const {
  Pass pass = *this;
  pass.samples = std::make_shared<const std::vector<int32_t>>(kept.index);
  return pass;
}

Linear::Linear(const Scope& scope, int64_t in, int64_t out, bool bias,
               std::optional<double> init_std, WeightDecay decay)
    : path_(scope.path()),
      weight_(scope.parameter(
          "weight", {out, in},
          Initializer::normal(init_std.value_or(1 / std::sqrt(static_cast<double>(in)))), decay)) {
  if (bias) bias_ = scope.parameter("bias", {out}, Initializer::zeros());
}

Linear::Linear(const Scope& scope, int64_t in, int64_t out, const Initializer& weight,
               const Initializer& bias)
    : path_(scope.path()),
      weight_(scope.parameter("weight", {out, in}, weight)),
      bias_(scope.parameter("bias", {out}, bias)) {}

Tensor Linear::operator()(const Tensor& x) const {
  const NamedScope named(path_);
  return autograd::linear(x, weight_.tensor(), bias_.tensor());
}

LayerNorm::LayerNorm(const Scope& scope, int64_t dim, double epsilon, const Initializer& weight)
    : path_(scope.path()),
      weight_(scope.parameter("weight", {dim}, weight)),
      bias_(scope.parameter("bias", {dim}, Initializer::zeros())),
      epsilon_(static_cast<real>(epsilon)) {}

Tensor LayerNorm::operator()(const Tensor& x) const {
  const NamedScope named(path_);
  return autograd::layer_norm(x, weight_.tensor(), bias_.tensor(), epsilon_);
}

Dropout::Dropout(const Scope& scope, const std::string& name, double rate)
    : rate_(static_cast<real>(rate)), stream_(scope.stream(name)) {}

Tensor Dropout::operator()(const Tensor& x, const Pass& pass) const {
  if (!pass.training || rate_ == 0) return x;
  return autograd::dropout(x, rate_, pass.draw(stream_));
}

autograd::AttentionOptions attention_options(int64_t num_heads, real scale, const Dropout& drop,
                                             const Pass& pass) {
  return {num_heads, scale, pass.training ? drop.rate() : 0, pass.draw(drop.stream())};
}

Tensor DropPath::operator()(const Tensor& x, const Pass& pass) const {
  if (!pass.training || rate() == 0) return x;
  return autograd::drop_path(x, rate(), pass.draw(stream()));
}

autograd::KeptSamples DropPath::kept(int64_t batch, const Pass& pass) const {
  return autograd::kept_samples(batch, pass.training ? rate() : 0, pass.draw(stream()));
}

Tensor DropChannels::operator()(const Tensor& x, const Pass& pass) const {
  if (!pass.training || rate() == 0) return x;
  return autograd::drop_channels(x, rate(), pass.draw(stream()));
}

Mlp::Mlp(const Scope& scope, int64_t dim, int64_t hidden, double drop_rate,
         std::optional<double> init_std)
    : path_(scope.path()),
      fc1_(scope / "fc1", dim, hidden, true, init_std),
      fc2_(scope / "fc2", hidden, dim, true, init_std),
      drop1_(scope, "drop1", drop_rate),
      drop2_(scope, "drop2", drop_rate) {}

Tensor Mlp::operator()(const Tensor& x, const Pass& pass) const {
  const NamedScope named(path_);
  const Tensor hidden = drop1_(autograd::gelu(fc1_(x)), pass);
  return drop2_(fc2_(hidden), pass);
}

std::optional<Tensor> Mlp::residual(const Tensor& x, const autograd::NormWeights& norm,
                                    autograd::NormPlace place, const autograd::KeptSamples& kept,
                                    const Pass& pass) const {
  if (drop1_.active(pass)) return {};
  const NamedScope named(path_);
  return autograd::mlp_residual(x, norm, fc1_.weights(), fc2_.weights(), place, kept);
}

}  // namespace swin::layers
