#include "autograd/kernels/elementwise.h"
#include "autograd/ops/ops.h"
#include "autograd/tape/op.h"
#include "base/errors.h"
#include "base/pool.h"
#include "base/random.h"

namespace swin::autograd {
namespace {

// The common part of dropout and drop path, which differ only in their kernels.
template <const auto& forward, const auto& backward>
Tensor drop(const char* name, const Tensor& x, real rate, const DrawKey& key) {
  Op op(name);
  op.saves_nothing();
  op.check(rate >= 0 && rate < 1 && x.rank() > 0, [&] {
    return "found rate " + std::to_string(rate) + " for " + x.shape().text() +
           ", expected a rate in [0, 1) and a batch axis";
  });
  const int64_t batch = x.dim(0), numel = batch ? x.numel() / batch : 0;  // per sample
  const real keep = 1 - rate;
  Tensor y(x.shape());
  forward(x.data(), y.mutable_data(), batch, numel, keep, key);
  return op.record(y, {x}, [batch, numel, keep, key, dx = x.gradient()](const OutputGradient& dy) {
    backward(dy, dx.target(), batch, numel, keep, key);
  });
}

}  // namespace

KeptSamples kept_samples(int64_t batch, real rate, const DrawKey& key) {
  if (!(rate >= 0 && rate < 1))
    throw base::ShapeError("kept_samples",
                           "found rate " + std::to_string(rate) + ", expected a rate in [0, 1)");
  const real keep = 1 - rate;
  KeptSamples kept{{}, batch, 1 / keep};
  for (int64_t s = 0; s < batch; ++s) {
    const base::Random random(key.seed, key.stream, key.step, key.sample(s));
    if (base::DryRun::active() || static_cast<real>(random.uniform(0)) < keep)
      kept.index.push_back(static_cast<int32_t>(s));
  }
  return kept;
}

Tensor dropout(const Tensor& x, real rate, const DrawKey& key) {
  return drop<kernels::dropout_forward, kernels::dropout_backward>("dropout", x, rate, key);
}

Tensor drop_path(const Tensor& x, real rate, const DrawKey& key) {
  return drop<kernels::drop_path_forward, kernels::drop_path_backward>("drop_path", x, rate, key);
}

Tensor drop_channels(const Tensor& x, real rate, const DrawKey& key) {
  Op op("drop_channels");
  op.saves_nothing();
  op.check(rate >= 0 && rate < 1 && x.rank() == 4, [&] {
    return "found rate " + std::to_string(rate) + " for " + x.shape().text() +
           ", expected a rate in [0, 1) and (B, H, W, C)";
  });
  const int64_t batch = x.dim(0), tokens = x.dim(1) * x.dim(2), channels = x.dim(3);
  const real keep = 1 - rate;
  Tensor y(x.shape());
  kernels::drop_channels(x.data(), {y.mutable_data(), false}, batch, tokens, channels, keep, key);
  return op.record(
      y, {x}, [batch, tokens, channels, keep, key, dx = x.gradient()](const OutputGradient& dy) {
        kernels::drop_channels(dy, dx.target(), batch, tokens, channels, keep, key);
      });
}

}  // namespace swin::autograd
