#include "layers/dense/conv_norm.h"

#include <cmath>

#include "autograd/tape/op.h"

namespace swin::layers {

using autograd::NamedScope;

Conv2d::Conv2d(const Scope& scope, int64_t in, int64_t out, int64_t kernel, bool bias,
               const Initializer& weight, int64_t stride)
    : path_(scope.path()),
      weight_(scope.parameter("weight", {out, in, kernel, kernel}, weight)),
      options_{stride, kernel / 2} {
  if (bias) bias_ = scope.parameter("bias", {out}, Initializer::zeros());
}

Initializer Conv2d::kaiming(int64_t out, int64_t kernel) {
  return Initializer::normal(std::sqrt(2.0 / static_cast<double>(out * kernel * kernel)));
}

Tensor Conv2d::operator()(const Tensor& x) const {
  const NamedScope named(path_);
  return autograd::conv2d(x, weight_.tensor(), bias_.tensor(), options_);
}

ConvNorm::ConvNorm(const Scope& scope, int64_t in, int64_t out, int64_t kernel, Norm norm)
    : path_(scope.path()),
      conv_(scope / "conv", in, out, kernel, false, Conv2d::kaiming(out, kernel)),
      norm_(scope, out, norm) {}

Tensor ConvNorm::operator()(const Tensor& x, const Pass& pass) const {
  const NamedScope named(path_);
  return autograd::relu(norm_(conv_(x), pass));
}

}  // namespace swin::layers
