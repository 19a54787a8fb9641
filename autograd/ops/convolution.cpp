#include "autograd/kernels/convolution.h"

#include "autograd/kernels/packed_product.h"
#include "autograd/kernels/reduce.h"
#include "autograd/ops/ops.h"
#include "autograd/tape/op.h"

namespace swin::autograd {

using kernels::Convolution;
using kernels::Direction;

namespace {

// The weight as the products of a direction read it. `kept` holds it where it is made anew: in
// inference and evaluation it is kept with the weight.
const real* packed_weight(const Tensor& weight, const Convolution& c, Direction direction,
                          Array<real>& kept) {
  const int64_t numel = kernels::convolution_packed_numel(c, direction);
  const auto pack = [&](real* packed) {
    kernels::pack_convolution(weight.data(), c, direction, packed);
  };
  if (!Tape::recording()) {
    // Negative: what `linear` keeps with a weight has the other sign.
    const int64_t kind = -(2 * kernels::strip_columns() + static_cast<int64_t>(direction));
    return weight.derived(kind, numel, pack);
  }
  weight.drop_derived();
  kept = Array<real>(numel);
  pack(kept.data());
  return kept.data();
}

std::string text_of(const Tensor& x, const Tensor& weight, const Tensor& bias) {
  return "found x " + x.shape().text() + ", weight " + weight.shape().text() +
         (bias.defined() ? ", bias " + bias.shape().text() : "");
}

// y from x, where y lies on the finer map: the input of the convolution `c`.
void transposed(const Tensor& weight, const Convolution& c, const real* from, const real* bias,
                GradientTarget to) {
  Array<real> kept;
  const real* packed = packed_weight(weight, c, Direction::backward, kept);
  kernels::convolution_backward_input(from, packed, bias, to, c);
}

void convolved(const Tensor& weight, const Convolution& c, const real* from, const real* bias,
               GradientTarget to) {
  Array<real> kept;
  const real* packed = packed_weight(weight, c, Direction::forward, kept);
  kernels::convolution_forward(from, packed, bias, to, c);
}

}  // namespace

Tensor conv2d(const Tensor& x, const Tensor& weight, const Tensor& bias, ConvOptions options) {
  Op op("conv2d");
  op.check(x.rank() == 4 && weight.rank() == 4 && weight.dim(1) == x.dim(3) && weight.dim(1) > 0 &&
               weight.dim(2) == weight.dim(3) && weight.dim(2) > 0 &&
               (!bias.defined() || bias.shape() == Shape{weight.dim(0)}),
           [&] { return text_of(x, weight, bias) + ", expected (B, H, W, C), (O, C, k, k), (O)"; });
  Convolution c = {x.dim(0), x.dim(1),      x.dim(2),      x.dim(3),       0,
                   0,        weight.dim(0), weight.dim(2), options.stride, options.padding};
  op.check(c.stride > 0 && c.padding >= 0 && c.height + 2 * c.padding >= c.side &&
               c.width + 2 * c.padding >= c.side,
           [&] {
             return text_of(x, weight, bias) + ", stride " + std::to_string(c.stride) +
                    " and padding " + std::to_string(c.padding) +
                    ", expected a stride of at least 1 and a padded map of at least the weight's " +
                    Shape{c.side, c.side}.text();
           });
  if (c.side == 1 && c.stride == 1 && c.padding == 0)  // the same at every pixel
    return linear(x, reshape(weight, {c.out_channels, c.channels}), bias);
  c.out_height = (c.height + 2 * c.padding - c.side) / c.stride + 1;
  c.out_width = (c.width + 2 * c.padding - c.side) / c.stride + 1;
  const Shape shape = {c.batch, c.out_height, c.out_width, c.out_channels};
  Tensor y(shape);
  convolved(weight, c, x.data(), bias.defined() ? bias.data() : nullptr, {y.mutable_data(), false});
  op.macs(shape.numel() * c.channels * c.taps());
  return op.record(
      y, {x, weight, bias},
      [x = x.detached(), weight = weight.detached(), c, dx = x.gradient(),
       dweight = weight.gradient(), dbias = bias.gradient()](const OutputGradient& dy) {
        if (dx.needed()) transposed(weight, c, dy, nullptr, dx.target());
        kernels::convolution_backward_weight(dy, x.data(), dweight.target(), c);
        kernels::sum_rows(dy, c.batch * c.out_height * c.out_width, c.out_channels, dbias.target());
      });
}

Tensor conv_transpose_2x2(const Tensor& x, const Tensor& weight, const Tensor& bias) {
  Op op("conv_transpose_2x2");
  op.check(x.rank() == 4 && weight.rank() == 4 && weight.dim(0) == x.dim(3) && weight.dim(1) > 0 &&
               weight.dim(2) == 2 && weight.dim(3) == 2 &&
               (!bias.defined() || bias.shape() == Shape{weight.dim(1)}),
           [&] { return text_of(x, weight, bias) + ", expected (B, H, W, C), (C, O, 2, 2), (O)"; });
  // The convolution whose gradient this is: from y, twice as large, to x.
  const Convolution c = {
      x.dim(0), 2 * x.dim(1), 2 * x.dim(2), weight.dim(1), x.dim(1), x.dim(2), x.dim(3), 2, 2, 0};
  Tensor y({c.batch, c.height, c.width, c.channels});
  transposed(weight, c, x.data(), bias.defined() ? bias.data() : nullptr,
             {y.mutable_data(), false});
  op.macs(y.numel() * c.out_channels);
  return op.record(
      y, {x, weight, bias},
      [x = x.detached(), weight = weight.detached(), c, dx = x.gradient(),
       dweight = weight.gradient(), dbias = bias.gradient()](const OutputGradient& dy) {
        if (dx.needed()) convolved(weight, c, dy, nullptr, dx.target());
        kernels::convolution_backward_weight(x.data(), dy, dweight.target(), c);
        kernels::sum_rows(dy, c.batch * c.height * c.width, c.channels, dbias.target());
      });
}

}  // namespace swin::autograd
