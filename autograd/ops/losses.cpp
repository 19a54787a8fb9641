#include "autograd/kernels/masked_l1.h"
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

Tensor masked_l1(const Tensor& prediction, const Tensor& target, const Tensor& mask, real factor) {
  Op op("masked_l1");
  op.check(prediction.rank() == 4 && target.shape() == prediction.shape() && mask.rank() == 3 &&
               mask.dim(0) == prediction.dim(0) && mask.dim(1) > 0 &&
               prediction.dim(1) % mask.dim(1) == 0 &&
               mask.dim(2) * (prediction.dim(1) / mask.dim(1)) == prediction.dim(2),
           [&] {
             return "found prediction " + prediction.shape().text() + ", target " +
                    target.shape().text() + " and mask " + mask.shape().text() +
                    ", expected (B, H, W, C) twice and (B, H/p, W/p)";
           });
  const int64_t batch = prediction.dim(0), height = prediction.dim(1), width = prediction.dim(2),
                channels = prediction.dim(3), patch = height / mask.dim(1);
  Tensor loss(Shape{});
  kernels::masked_l1_forward(prediction.data(), target.data(), mask.data(), loss.mutable_data(),
                             batch, height, width, channels, patch, factor);
  return op.record(loss, {prediction},
                   [prediction = prediction.detached(), target = target.detached(),
                    mask = mask.detached(), batch, height, width, channels, patch, factor,
                    dprediction = prediction.gradient()](const OutputGradient& dy) {
                     kernels::masked_l1_backward(dy, prediction.data(), target.data(), mask.data(),
                                                 dprediction.target(), batch, height, width,
                                                 channels, patch, factor);
                   });
}

}  // namespace swin::autograd
