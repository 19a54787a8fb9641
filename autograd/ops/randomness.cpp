#include "autograd/kernels/elementwise.h"
#include "autograd/kernels/samples.h"
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

namespace {
// Of each sample of the batch, its place among the kept ones, or −1.
Array<int32_t> places_of(const KeptSamples& kept) {
  std::vector<int32_t> places(static_cast<size_t>(kept.batch), -1);
  for (size_t i = 0; i < kept.index.size(); ++i)
    places[static_cast<size_t>(kept.index[i])] = static_cast<int32_t>(i);
  return Array<int32_t>::from(places);
}

// x as the kept samples say, for a result of so many samples.
Shape with_samples(const Op& op, const Tensor& x, const KeptSamples& kept, int64_t samples) {
  op.check(x.rank() > 0 && x.dim(0) == kept.batch, [&] {
    return "found " + x.shape().text() + ", expected a batch of " + std::to_string(kept.batch);
  });
  for (const int32_t s : kept.index)
    op.check(s >= 0 && s < kept.batch, [&] {
      return "found sample " + std::to_string(s) + ", expected one of " +
             std::to_string(kept.batch);
    });
  Shape shape = x.shape();
  shape[0] = samples;
  return shape;
}
}  // namespace

Tensor take_samples(const Tensor& x, const KeptSamples& kept) {
  Op op("take_samples");
  op.saves_nothing();
  const int64_t samples = std::ssize(kept.index), batch = kept.batch;
  Tensor y(with_samples(op, x, kept, samples));
  const int64_t numel = batch ? x.numel() / batch : 0;  // per sample
  kernels::take_samples(x.data(), 1, {y.mutable_data(), false},
                        Array<int32_t>::from(kept.index).data(), samples, numel);
  return op.record(
      y, {x},
      [places = places_of(kept), batch, numel, dx = x.gradient()](const OutputGradient& dy) {
        kernels::take_samples(dy, 1, dx.target(), places.data(), batch, numel);
      });
}

Tensor add_samples(const Tensor& x, const Tensor& branch, const KeptSamples& kept) {
  Op op("add_samples");
  op.saves_nothing();
  const int64_t samples = std::ssize(kept.index), batch = kept.batch;
  const Shape expected = with_samples(op, x, kept, samples);
  op.check(branch.shape() == expected, [&] {
    return "found a branch of " + branch.shape().text() + ", expected " + expected.text();
  });
  const int64_t numel = batch ? x.numel() / batch : 0;  // per sample
  Tensor y(x.shape());
  kernels::add_samples(x.data(), branch.data(), kept.factor, y.mutable_data(),
                       places_of(kept).data(), batch, numel);
  return op.record(y, {x, branch},
                   [index = Array<int32_t>::from(kept.index), factor = kept.factor, samples, numel,
                    dx = x.gradient(), dbranch = branch.gradient()](const OutputGradient& dy) {
                     dy.pass_to(dx);
                     kernels::take_samples(dy, factor, dbranch.target(), index.data(), samples,
                                           numel);
                   });
}

}  // namespace swin::autograd
