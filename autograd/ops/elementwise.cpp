#include "autograd/kernels/elementwise.h"

#include "autograd/kernels/rows.h"
#include "autograd/ops/ops.h"
#include "autograd/tape/op.h"

namespace swin::autograd {
namespace {

using Sides = std::array<int64_t, Shape::kMaxRank>;

// The sides of b aligned to x at the last axis; false where b does not broadcast to x.
bool align(const Shape& x, const Shape& b, Sides& x_sides, Sides& b_sides) {
  if (b.rank() > x.rank()) return false;
  for (int i = 0; i < x.rank(); ++i) {
    const int j = i - (x.rank() - b.rank());
    x_sides[static_cast<size_t>(i)] = x[i];
    b_sides[static_cast<size_t>(i)] = j < 0 ? 1 : b[j];
    if (b_sides[static_cast<size_t>(i)] != x[i] && b_sides[static_cast<size_t>(i)] != 1)
      return false;
  }
  return true;
}

// What dropout and drop path share: all but the kernels, which decide what goes together.
template <auto forward, auto backward>
Tensor drop(const char* name, const Tensor& x, real rate, const DrawKey& key) {
  Op op(name);
  op.check(rate >= 0 && rate < 1 && x.rank() > 0, [&] {
    return "found rate " + std::to_string(rate) + " for " + x.shape().text() +
           ", expected a rate in [0, 1) and a batch axis";
  });
  const int64_t batch = x.dim(0), numel = batch ? x.numel() / batch : 0;  // of a sample
  const real keep = 1 - rate;
  Tensor y(x.shape());
  forward(x.data(), y.mutable_data(), batch, numel, keep, key);
  return op.record(y, {x}, [batch, numel, keep, key, dx = x.gradient()](const OutputGradient& dy) {
    backward(dy, dx.target(), batch, numel, keep, key);
  });
}

// The same for functions of a number whose slope is read off y.
template <auto forward, auto backward>
Tensor activation(const char* name, const Tensor& x) {
  Op op(name);
  Tensor y(x.shape());
  forward(x.data(), y.mutable_data(), x.numel());
  return op.record(y, {x}, [y, dx = x.gradient()](const OutputGradient& dy) {
    backward(dy, y.data(), dx.target(), y.numel());
  });
}

}  // namespace

Tensor add(const Tensor& x, const Tensor& b) {
  Op op("add");
  if (x.shape() == b.shape()) {
    Tensor y(x.shape());
    kernels::add_forward(x.data(), b.data(), y.mutable_data(), x.numel());
    return op.record(y, {x, b}, [dx = x.gradient(), db = b.gradient()](const OutputGradient& dy) {
      dy.hand_on(dx);
      dy.hand_on(db);
    });
  }
  Sides x_sides{}, b_sides{};
  op.check(x.rank() > 0 && align(x.shape(), b.shape(), x_sides, b_sides), [&] {
    return "found " + x.shape().text() + " and " + b.shape().text() +
           ", expected sides that are equal or 1";
  });
  Tensor y(x.shape());
  const int rank = x.rank();
  kernels::broadcast_add_forward(x.data(), b.data(), y.mutable_data(), rank, x_sides.data(),
                                 b_sides.data());
  return op.record(
      y, {x, b},
      [rank, x_sides, b_sides, dx = x.gradient(), db = b.gradient()](const OutputGradient& dy) {
        kernels::broadcast_backward(dy, db.target(), rank, x_sides.data(), b_sides.data());
        dy.hand_on(dx);
      });
}

Tensor scale(const Tensor& x, real factor) {
  Op op("scale");
  Tensor y(x.shape());
  kernels::scale_forward(x.data(), factor, y.mutable_data(), x.numel());
  return op.record(y, {x},
                   [factor, numel = x.numel(), dx = x.gradient()](const OutputGradient& dy) {
                     kernels::scale_backward(dy, factor, dx.target(), numel);
                   });
}

Tensor gelu(const Tensor& x) {
  Op op("gelu");
  Tensor y(x.shape());
  kernels::gelu_forward(x.data(), y.mutable_data(), x.numel());
  return op.record(y, {x}, [x = x.detached(), dx = x.gradient()](const OutputGradient& dy) {
    kernels::gelu_backward(dy, x.data(), dx.target(), x.numel());
  });
}

Tensor relu(const Tensor& x) {
  return activation<kernels::relu_forward, kernels::relu_backward>("relu", x);
}

Tensor sigmoid(const Tensor& x) {
  return activation<kernels::sigmoid_forward, kernels::sigmoid_backward>("sigmoid", x);
}

Tensor dropout(const Tensor& x, real rate, const DrawKey& key) {
  return drop<kernels::dropout_forward, kernels::dropout_backward>("dropout", x, rate, key);
}

Tensor drop_path(const Tensor& x, real rate, const DrawKey& key) {
  return drop<kernels::drop_path_forward, kernels::drop_path_backward>("drop_path", x, rate, key);
}

Tensor broadcast_to(const Tensor& x, const Shape& shape) {
  Op op("broadcast_to");
  Sides sides{}, x_sides{};
  op.check(shape.rank() > 0 && align(shape, x.shape(), sides, x_sides), [&] {
    return "found " + x.shape().text() + " for " + shape.text() +
           ", expected an axis or more, and sides that are equal or 1";
  });
  Tensor y(shape);
  const int rank = shape.rank();
  kernels::broadcast_forward(x.data(), y.mutable_data(), rank, sides.data(), x_sides.data());
  return op.record(y, {x}, [rank, sides, x_sides, dx = x.gradient()](const OutputGradient& dy) {
    kernels::broadcast_backward(dy, dx.target(), rank, sides.data(), x_sides.data());
  });
}

}  // namespace swin::autograd
