#include "layers/global_attention.h"

#include "autograd/tape/op.h"

namespace swin::layers {

GlobalAttention::GlobalAttention(const Scope& scope, const ModelConfig& config, int64_t stage)
    : path_(scope.path()),
      num_heads_(config.num_heads[static_cast<size_t>(stage)]),
      scale_(static_cast<real>(config.qk_scale_of(stage))) {
  const int64_t dim = config.dim_of(stage);
  qkv_ = Linear(scope / "qkv", dim, 3 * dim, config.qkv_bias, config.init_std);
  proj_ = Linear(scope / "proj", dim, dim, true, config.init_std);
  attn_drop_ = Dropout(scope, "attn_drop", config.attn_drop_rate);
  proj_drop_ = Dropout(scope, "proj_drop", config.drop_rate);
}

Tensor GlobalAttention::operator()(const Tensor& x, const Pass& pass) const {
  const autograd::NamedScope named(path_);
  const autograd::AttentionOptions options =
      attention_options(num_heads_, scale_, attn_drop_, pass);
  return proj_drop_(proj_(autograd::attention(qkv_(x), options)), pass);
}

}  // namespace swin::layers
