#include "autograd/kernels/group_norm.h"
#include "autograd/ops/ops.h"
#include "autograd/tape/op.h"

namespace swin::autograd {

using kernels::NormSizes;

namespace {

void check_channels(const Op& op, const Tensor& x, std::initializer_list<Tensor> of_channels) {
  bool fits = x.rank() >= 1 && x.dim(-1) > 0;
  for (const Tensor& t : of_channels) fits = fits && t.shape() == Shape{x.dim(-1)};
  op.check(fits, [&] {
    std::string found = "found x " + x.shape().text() + " and";
    for (const Tensor& t : of_channels) found += " " + t.shape().text();
    return found + ", expected (…, C), C at least 1, and (C) for each";
  });
}

// The end of all three ops: y, and its backward.
// @param mean, rstd (images, groups)   @param fixed whether they are constants
Tensor normalize(Op& op, const Tensor& x, const Tensor& weight, const Tensor& bias,
                 const Tensor& mean, const Array<real>& rstd, bool fixed, const NormSizes& sizes) {
  Tensor y(x.shape());
  kernels::group_norm_forward(x.data(), weight.data(), bias.data(), mean.data(), rstd.data(),
                              y.mutable_data(), sizes);
  // With constant statistics, x serves the gradients of weight and bias alone.
  const bool reads_x = !fixed || weight.gradient().needed() || bias.gradient().needed();
  return op.record(
      y, {x, weight, bias},
      [x = reads_x ? x.detached() : Tensor(), weight = weight.detached(), mean = mean.detached(),
       rstd, fixed, sizes, dx = x.gradient(), dweight = weight.gradient(),
       dbias = bias.gradient()](const OutputGradient& dy) {
        // In the order in which the kernel writes: the same tensor may be several of the inputs.
        const GradientTarget to_x = dx.target(), to_weight = dweight.target(),
                             to_bias = dbias.target();
        kernels::group_norm_backward(dy, x.data(), weight.data(), mean.data(), rstd.data(), fixed,
                                     to_x, to_weight, to_bias, sizes);
      });
}

}  // namespace

Tensor batch_norm(const Tensor& x, const Tensor& weight, const Tensor& bias, real epsilon,
                  BatchStatistics* statistics) {
  Op op("batch_norm");
  check_channels(op, x, {weight, bias});
  const int64_t channels = x.dim(-1), rows = x.numel() / channels;
  op.check(rows > 1, [&] {
    return "found x " + x.shape().text() + ", expected at least two values of each channel";
  });
  const NormSizes sizes{1, rows, channels, channels};
  Tensor mean({channels}), variance({channels});
  const Array<real> rstd(channels);
  kernels::group_statistics(x.data(), mean.mutable_data(), rstd.data(), variance.mutable_data(),
                            sizes, epsilon);
  if (statistics) *statistics = {mean, variance};
  return normalize(op, x, weight, bias, mean, rstd, false, sizes);
}

Tensor frozen_norm(const Tensor& x, const Tensor& weight, const Tensor& bias, const Tensor& mean,
                   const Tensor& variance, real epsilon) {
  Op op("frozen_norm");
  check_channels(op, x, {weight, bias, mean, variance});
  const int64_t channels = x.dim(-1);
  const Array<real> rstd(channels);
  kernels::inverse_deviations(variance.data(), rstd.data(), channels, epsilon);
  return normalize(op, x, weight, bias, mean, rstd, true,
                   {1, x.numel() / channels, channels, channels});
}

Tensor group_norm(const Tensor& x, const Tensor& weight, const Tensor& bias, int64_t groups,
                  real epsilon) {
  Op op("group_norm");
  check_channels(op, x, {weight, bias});
  op.check(x.rank() == 4 && x.dim(1) * x.dim(2) > 0 && groups > 0 && x.dim(3) % groups == 0, [&] {
    return "found x " + x.shape().text() + " and " + std::to_string(groups) +
           " groups, expected (B, H, W, C) and groups that divide C";
  });
  const NormSizes sizes{x.dim(0), x.dim(1) * x.dim(2), x.dim(3), groups};
  Tensor mean({sizes.images, groups});
  const Array<real> rstd(sizes.images * groups);
  kernels::group_statistics(x.data(), mean.mutable_data(), rstd.data(), nullptr, sizes, epsilon);
  return normalize(op, x, weight, bias, mean, rstd, false, sizes);
}

}  // namespace swin::autograd
