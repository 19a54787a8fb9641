#include "layers/patch_layers.h"

#include <cmath>

#include "autograd/tape/op.h"
#include "base/integer.h"

namespace swin::layers {

using namespace autograd;
using autograd::Size2;

PatchEmbed::PatchEmbed(const Scope& scope, const ModelConfig& config, bool norm)
    : path_(scope.path()), patch_(config.patch_size), has_norm_(norm) {
  // In the published code a convolution with PyTorch's default: uniform in ±1/√fan_in.
  const int64_t p = config.patch_size;
  const Initializer initial =
      Initializer::uniform(1 / std::sqrt(static_cast<double>(config.in_chans * p * p)));
  weight_ =
      (scope / "proj").parameter("weight", {config.embed_dim, config.in_chans, p, p}, initial);
  bias_ = (scope / "proj").parameter("bias", {config.embed_dim}, initial);
  if (has_norm_) norm_ = LayerNorm(scope / "norm", config.embed_dim);
}

Tensor PatchEmbed::operator()(const Tensor& images) const {
  const NamedScope named(path_);
  Tensor x = images;
  const Size2 size = {base::round_up(x.dim(1), patch_), base::round_up(x.dim(2), patch_)};
  if (size != Size2{x.dim(1), x.dim(2)}) x = pad_or_crop(x, size);
  x = patch_embed(x, weight_.tensor(), bias_.tensor());
  return has_norm_ ? norm_(x) : x;
}

PatchMerging::PatchMerging(const Scope& scope, const ModelConfig& config, int64_t dim)
    : path_(scope.path()), norm_after_(config.name == "swin_v2") {
  reduction_ = Linear(scope / "reduction", 4 * dim, 2 * dim, false, config.init_std);
  norm_ = LayerNorm(scope / "norm", norm_after_ ? 2 * dim : 4 * dim);
}

Tensor PatchMerging::operator()(const Tensor& x) const {
  const NamedScope named(path_);
  const Tensor neighbors = patch_merging(x);
  return norm_after_ ? norm_(reduction_(neighbors)) : reduction_(norm_(neighbors));
}

}  // namespace swin::layers
