#include "layers/dense/norm.h"

#include <numeric>

#include "autograd/tape/op.h"
#include "base/errors.h"

namespace swin::layers {

using autograd::NamedScope;

namespace {
constexpr real kMomentum = static_cast<real>(0.1);  // of the new statistics, as in PyTorch
}

BatchNorm::BatchNorm(const Scope& scope, int64_t channels, bool frozen, double epsilon)
    : path_(scope.path()),
      weight_(scope.parameter("weight", {channels}, Initializer::ones())),
      bias_(scope.parameter("bias", {channels}, Initializer::zeros())),
      running_mean_(scope.buffer("running_mean", {channels}, Initializer::zeros())),
      running_var_(scope.buffer("running_var", {channels}, Initializer::ones())),
      frozen_(frozen),
      epsilon_(static_cast<real>(epsilon)) {}

Tensor BatchNorm::operator()(const Tensor& x, const Pass& pass) const {
  const NamedScope named(path_);
  // Of no values there are no statistics.
  if (frozen_ || !pass.training || x.numel() == 0)
    return autograd::frozen_norm(x, weight_.tensor(), bias_.tensor(), running_mean_.tensor(),
                                 running_var_.tensor(), epsilon_);
  if (x.rank() > 0 && x.numel() == x.dim(-1))
    throw base::UsageError(
        path_, "found one value of each channel, expected two or more to take statistics of",
        "set task.head.norm to \"group\", or trainer.batch_size and trainer.micro_batch_size so "
        "that every slice has two images or more");
  autograd::BatchStatistics statistics;
  const Tensor y = autograd::batch_norm(x, weight_.tensor(), bias_.tensor(), epsilon_, &statistics);
  pass.update(running_mean_, statistics.mean, kMomentum);
  pass.update(running_var_, statistics.variance, kMomentum);
  return y;
}

int64_t GroupNorm::groups_of(int64_t channels) { return std::gcd(channels, int64_t{32}); }

GroupNorm::GroupNorm(const Scope& scope, int64_t channels, int64_t groups, double epsilon)
    : path_(scope.path()),
      weight_(scope.parameter("weight", {channels}, Initializer::ones())),
      bias_(scope.parameter("bias", {channels}, Initializer::zeros())),
      groups_(groups),
      epsilon_(static_cast<real>(epsilon)) {}

Tensor GroupNorm::operator()(const Tensor& x) const {
  const NamedScope named(path_);
  return autograd::group_norm(x, weight_.tensor(), bias_.tensor(), groups_, epsilon_);
}

MapNorm::MapNorm(const Scope& scope, int64_t channels, Norm norm) {
  if (norm == Norm::group)
    group_.emplace(scope / "gn", channels, GroupNorm::groups_of(channels));
  else
    batch_ = BatchNorm(scope / "bn", channels, norm == Norm::frozen);
}

Tensor MapNorm::operator()(const Tensor& x, const Pass& pass) const {
  return group_ ? (*group_)(x) : batch_(x, pass);
}

}  // namespace swin::layers
