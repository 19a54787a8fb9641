#include <algorithm>

#include "autograd/kernels/box_losses.h"
#include "autograd/kernels/masked_l1.h"
#include "autograd/kernels/pixel_losses.h"
#include "autograd/kernels/resized_cross_entropy.h"
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

namespace {
// Labels are used as indices of classes.
void check_labels(const Op& op, const Array<int32_t>& labels, int64_t classes) {
  const int32_t* data = labels.data();
  if (!data) return;
  const int32_t* wrong = std::find_if(
      data, data + labels.size(), [&](int32_t label) { return label < -1 || label >= classes; });
  op.check(wrong == data + labels.size(), [&] {
    return "found label " + std::to_string(*wrong) + " in row " + std::to_string(wrong - data) +
           ", expected one from 0 to " + std::to_string(classes - 1) + ", or −1 for none";
  });
}
}  // namespace

Tensor pixel_cross_entropy(const Tensor& logits, const Array<int32_t>& labels,
                           const Tensor& class_weights, real factor) {
  Op op("pixel_cross_entropy");
  const int64_t classes = logits.rank() > 0 ? logits.dim(-1) : 0;
  op.check(classes > 0 && labels.size() == logits.numel() / classes &&
               (!class_weights.defined() || class_weights.shape() == Shape{classes}),
           [&] {
             return "found logits " + logits.shape().text() + ", " + std::to_string(labels.size()) +
                    " labels" +
                    (class_weights.defined() ? ", class weights " + class_weights.shape().text()
                                             : std::string()) +
                    ", expected (…, classes), a label for each row, (classes)";
           });
  check_labels(op, labels, classes);
  const int64_t rows = labels.size();
  Tensor loss(Shape{});
  const Array<real> log_sum_exp(Op::will_record({logits}) ? rows : 0);
  kernels::pixel_cross_entropy_forward(logits.data(), labels.data(), class_weights.data(),
                                       loss.mutable_data(), log_sum_exp.data(), rows, classes,
                                       factor);
  return op.record(
      loss, {logits},
      [logits = logits.detached(), labels, class_weights = class_weights.detached(), log_sum_exp,
       rows, classes, factor, dlogits = logits.gradient()](const OutputGradient& dy) {
        kernels::pixel_cross_entropy_backward(dy, logits.data(), labels.data(),
                                              class_weights.data(), log_sum_exp.data(),
                                              dlogits.target(), rows, classes, factor);
      });
}

Tensor resized_cross_entropy(const Tensor& logits, Size2 to, const Array<int32_t>& labels,
                             const Tensor& class_weights, real factor) {
  Op op("resized_cross_entropy");
  op.check(logits.rank() == 4 && logits.dim(1) * logits.dim(2) * logits.dim(3) > 0 && to[0] > 0 &&
               to[1] > 0 && labels.size() == logits.dim(0) * to[0] * to[1] &&
               (!class_weights.defined() || class_weights.shape() == Shape{logits.dim(3)}),
           [&] {
             return "found logits " + logits.shape().text() + " resized to " +
                    Shape{to[0], to[1]}.text() + ", " + std::to_string(labels.size()) + " labels" +
                    (class_weights.defined() ? ", class weights " + class_weights.shape().text()
                                             : std::string()) +
                    ", expected (B, H, W, classes), a label for each pixel of the new size, "
                    "(classes)";
           });
  if (PlainOps::active())
    return pixel_cross_entropy(resize_bilinear(logits, to), labels, class_weights, factor);
  check_labels(op, labels, logits.dim(3));
  const kernels::ResizedLogits map{logits.dim(0), logits.dim(1), logits.dim(2),
                                   to[0],         to[1],         logits.dim(3)};
  Tensor loss(Shape{});
  const Array<real> log_sum_exp(Op::will_record({logits}) ? labels.size() : 0);
  kernels::resized_cross_entropy_forward(logits.data(), labels.data(), class_weights.data(),
                                         loss.mutable_data(), log_sum_exp.data(), map, factor);
  return op.record(
      loss, {logits},
      [logits = logits.detached(), labels, class_weights = class_weights.detached(), log_sum_exp,
       map, factor, dlogits = logits.gradient()](const OutputGradient& dy) {
        kernels::resized_cross_entropy_backward(dy, logits.data(), labels.data(),
                                                class_weights.data(), log_sum_exp.data(),
                                                dlogits.target(), map, factor);
      });
}

Tensor dice_loss(const Tensor& logits, const Array<int32_t>& labels, real factor) {
  Op op("dice_loss");
  op.check(
      logits.rank() == 4 && logits.dim(3) > 0 && labels.size() == logits.numel() / logits.dim(3),
      [&] {
        return "found logits " + logits.shape().text() + " and " + std::to_string(labels.size()) +
               " labels, expected (B, H, W, classes) and a label for each pixel";
      });
  const int64_t images = logits.dim(0), rows = logits.dim(1) * logits.dim(2),
                classes = logits.dim(3);
  check_labels(op, labels, classes);
  Tensor loss(Shape{});
  const Array<real> log_sum_exp(images * rows), slopes(images * 2 * classes);
  kernels::dice_loss_forward(logits.data(), labels.data(), loss.mutable_data(), log_sum_exp.data(),
                             slopes.data(), images, rows, classes, factor);
  return op.record(loss, {logits},
                   [logits = logits.detached(), labels, log_sum_exp, slopes, images, rows, classes,
                    dlogits = logits.gradient()](const OutputGradient& dy) {
                     kernels::dice_loss_backward(dy, logits.data(), labels.data(),
                                                 log_sum_exp.data(), slopes.data(),
                                                 dlogits.target(), images, rows, classes);
                   });
}

namespace {
// Element by element.
void check_equal_shapes(const Op& op, const char* name, const Tensor& x, const Tensor& target) {
  op.check(target.shape() == x.shape(), [&] {
    return std::string("found ") + name + " " + x.shape().text() + " and target " +
           target.shape().text() + ", expected equal shapes";
  });
}
}  // namespace

Tensor smooth_l1(const Tensor& prediction, const Tensor& target, real beta, real factor) {
  Op op("smooth_l1");
  check_equal_shapes(op, "prediction", prediction, target);
  op.check(beta >= 0,
           [&] { return "found beta " + std::to_string(beta) + ", expected one of at least 0"; });
  const int64_t numel = prediction.numel();
  Tensor loss(Shape{});
  kernels::smooth_l1_forward(prediction.data(), target.data(), loss.mutable_data(), numel, beta,
                             factor);
  return op.record(loss, {prediction},
                   [prediction = prediction.detached(), target = target.detached(), numel, beta,
                    factor, dprediction = prediction.gradient()](const OutputGradient& dy) {
                     kernels::smooth_l1_backward(dy, prediction.data(), target.data(),
                                                 dprediction.target(), numel, beta, factor);
                   });
}

Tensor sigmoid_focal_loss(const Tensor& logits, const Tensor& target, real alpha, real gamma,
                          real factor) {
  Op op("sigmoid_focal_loss");
  check_equal_shapes(op, "logits", logits, target);
  op.check(alpha <= 1 && gamma >= 0, [&] {
    return "found alpha " + std::to_string(alpha) + " and gamma " + std::to_string(gamma) +
           ", expected alpha of at most 1 and gamma of at least 0";
  });
  const int64_t numel = logits.numel();
  Tensor loss(Shape{});
  kernels::sigmoid_focal_loss_forward(logits.data(), target.data(), loss.mutable_data(), numel,
                                      alpha, gamma, factor);
  return op.record(loss, {logits},
                   [logits = logits.detached(), target = target.detached(), numel, alpha, gamma,
                    factor, dlogits = logits.gradient()](const OutputGradient& dy) {
                     kernels::sigmoid_focal_loss_backward(dy, logits.data(), target.data(),
                                                          dlogits.target(), numel, alpha, gamma,
                                                          factor);
                   });
}

Tensor giou_loss(const Tensor& boxes, const Tensor& target, real factor) {
  Op op("giou_loss");
  op.check(boxes.rank() == 2 && boxes.dim(1) == 4 && target.shape() == boxes.shape(), [&] {
    return "found boxes " + boxes.shape().text() + " and target " + target.shape().text() +
           ", expected (N, 4) for both";
  });
  const int64_t rows = boxes.dim(0);
  Tensor loss(Shape{});
  kernels::giou_loss_forward(boxes.data(), target.data(), loss.mutable_data(), rows, factor);
  return op.record(loss, {boxes},
                   [boxes = boxes.detached(), target = target.detached(), rows, factor,
                    dboxes = boxes.gradient()](const OutputGradient& dy) {
                     kernels::giou_loss_backward(dy, boxes.data(), target.data(), dboxes.target(),
                                                 rows, factor);
                   });
}

}  // namespace swin::autograd
