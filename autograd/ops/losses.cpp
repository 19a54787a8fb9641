#include "autograd/kernels/softmax.h"
#include "autograd/ops/ops.h"
#include "autograd/tape/op.h"

namespace swin::autograd {

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
                     kernels::binary_cross_entropy_backward(
                         dy, logits.data(), target.data(), dlogits.target(), rows, classes, factor);
                   });
}

}  // namespace swin::autograd
