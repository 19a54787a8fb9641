#include "layers/block.h"

#include "autograd/tape/op.h"
#include "layers/global_attention.h"
#include "layers/network.h"
#include "layers/spatial_mlp.h"
#include "layers/window_attention.h"

namespace swin::layers {

namespace {

// The layer that mixes the tokens: what the architectures differ in.
std::unique_ptr<TokenLayer> make_mixer(const Scope& scope, const ModelConfig& config, int64_t stage,
                                       int64_t block) {
  if (config.name == "vit") return std::make_unique<GlobalAttention>(scope / "attn", config, stage);
  if (config.name == "swin_v2")
    return std::make_unique<ScaledCosineAttention>(scope / "attn", config, stage, block);
  if (config.name == "swin_mlp")
    return std::make_unique<SpatialMlp>(scope / "spatial_mlp", config, stage, block);
  return std::make_unique<WindowAttention>(scope / "attn", config, stage, block);
}

// The norm of the half with this number, 1 or 2, then `make_layer()`: parameters are created in the
// order of the published models, norm1, attn, norm2, mlp.
template <class Make>
ResidualHalf make_half(const Scope& scope, const ModelConfig& config, int64_t stage, int64_t block,
                       const std::string& number, Make&& make_layer) {
  const bool after = config.name == "swin_v2";
  LayerNorm norm(scope / ("norm" + number), config.dim_of(stage), norm_epsilon(config),
                 after ? Initializer::zeros() : Initializer::ones());
  return {std::move(norm), make_layer(),
          DropPath(scope, "drop_path" + number, drop_path_rate_of(config, stage, block)),
          after ? ResidualHalf::Norm::after : ResidualHalf::Norm::before};
}

}  // namespace

Tensor ResidualHalf::branch(const Tensor& x, const Pass& pass) const {
  return position_ == Norm::after ? norm_((*layer_)(x, pass)) : (*layer_)(norm_(x), pass);
}

Tensor ResidualHalf::operator()(const Tensor& x, const Pass& pass) const {
  if (autograd::PlainOps::active()) return autograd::add(x, drop_path_(branch(x, pass), pass));
  const autograd::KeptSamples kept = drop_path_.kept(x.dim(0), pass);
  const Pass of_kept = kept.all() ? pass : pass.of(kept);
  if (!autograd::OpByOp::active())
    if (const std::optional<Tensor> y =
            layer_->residual(x, norm_.weights(), position_, kept, of_kept))
      return *y;
  if (!drop_path_.active(pass)) return autograd::add(x, branch(x, pass));
  const Tensor samples = kept.all() ? x : autograd::take_samples(x, kept);
  return autograd::add_samples(x, branch(samples, of_kept), kept);
}

Block::Block(const Scope& scope, const ModelConfig& config, int64_t stage, int64_t block)
    : path_(scope.path()),
      mixing_(make_half(scope, config, stage, block, "1",
                        [&] { return make_mixer(scope, config, stage, block); })),
      mlp_(make_half(scope, config, stage, block, "2", [&] {
        return std::make_unique<Mlp>(scope / "mlp", config.dim_of(stage), config.hidden_of(stage),
                                     config.drop_rate, config.init_std);
      })) {}

Tensor Block::operator()(const Tensor& x, const Pass& pass) const {
  const autograd::NamedScope named(path_);
  return mlp_(mixing_(x, pass), pass);
}

}  // namespace swin::layers
