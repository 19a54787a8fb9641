#include "autograd/kernels/layer_norm.h"
#include "autograd/kernels/softmax.h"
#include "autograd/ops/ops.h"
#include "autograd/tape/op.h"

namespace swin::autograd {

Tensor layer_norm(const Tensor& x, const Tensor& weight, const Tensor& bias, real epsilon) {
  Op op("layer_norm");
  op.check(
      x.rank() >= 1 && weight.shape() == Shape{x.dim(-1)} && bias.shape() == weight.shape(), [&] {
        return "found x " + x.shape().text() + ", weight " + weight.shape().text() + ", bias " +
               bias.shape().text() + ", expected weight and bias of the last side of x";
      });
  const int64_t dim = x.dim(-1), rows = dim ? x.numel() / dim : 0;
  Tensor y(x.shape());
  Array<real> mean(rows), rstd(rows);
  kernels::layer_norm_forward(x.data(), weight.data(), bias.data(), y.mutable_data(), mean.data(),
                              rstd.data(), rows, dim, epsilon);
  op.macs(x.numel());
  return op.record(
      y, {x, weight, bias},
      [x = x.detached(), weight = weight.detached(), mean, rstd, rows, dim, dx = x.gradient(),
       dweight = weight.gradient(), dbias = bias.gradient()](const OutputGradient& dy) {
        // In the order the kernel writes them, for tensors that stand in several places.
        const Target to_x = dx.target(), to_weight = dweight.target(), to_bias = dbias.target();
        kernels::layer_norm_backward(dy, x.data(), weight.data(), mean.data(), rstd.data(), to_x,
                                     to_weight, to_bias, rows, dim);
      });
}

Tensor softmax(const Tensor& x) {
  Op op("softmax");
  op.check(x.rank() >= 1 && x.dim(-1) > 0,
           [&] { return "found " + x.shape().text() + ", expected a last side of at least 1"; });
  const int64_t dim = x.dim(-1), rows = x.numel() / dim;
  Tensor y(x.shape());
  kernels::softmax_forward(x.data(), y.mutable_data(), rows, dim);
  return op.record(y, {x}, [y, rows, dim, dx = x.gradient()](const OutputGradient& dy) {
    kernels::softmax_backward(dy, y.data(), dx.target(), rows, dim);
  });
}

Tensor cross_entropy(const Tensor& logits, const Tensor& target, real factor) {
  Op op("cross_entropy");
  op.check(logits.rank() == 2 && target.shape() == logits.shape() && logits.dim(1) > 0, [&] {
    return "found logits " + logits.shape().text() + " and target " + target.shape().text() +
           ", expected both (batch, classes)";
  });
  const int64_t rows = logits.dim(0), classes = logits.dim(1);
  Tensor loss(Shape{});
  Array<real> log_sum_exp(rows);
  kernels::cross_entropy_forward(logits.data(), target.data(), loss.mutable_data(),
                                 log_sum_exp.data(), rows, classes, factor);
  return op.record(loss, {logits},
                   [logits = logits.detached(), target = target.detached(), log_sum_exp, rows,
                    classes, factor, dlogits = logits.gradient()](const OutputGradient& dy) {
                     kernels::cross_entropy_backward(dy, logits.data(), target.data(),
                                                     log_sum_exp.data(), dlogits.target(), rows,
                                                     classes, factor);
                   });
}

Tensor binary_cross_entropy(const Tensor& logits, const Tensor& target, real factor) {
  Op op("binary_cross_entropy");
  op.check(logits.rank() == 2 && target.shape() == logits.shape() && logits.dim(1) > 0, [&] {
    return "found logits " + logits.shape().text() + " and target " + target.shape().text() +
           ", expected both (batch, classes)";
  });
  const int64_t rows = logits.dim(0), classes = logits.dim(1);
  Tensor loss(Shape{});
  kernels::binary_cross_entropy_forward(logits.data(), target.data(), loss.mutable_data(), rows,
                                        classes, factor);
  return op.record(loss, {logits},
                   [logits = logits.detached(), target = target.detached(), rows, classes, factor,
                    dlogits = logits.gradient()](const OutputGradient& dy) {
                     kernels::binary_cross_entropy_backward(dy, logits.data(), target.data(),
                                                            dlogits.target(), rows, classes,
                                                            factor);
                   });
}

}  // namespace swin::autograd
