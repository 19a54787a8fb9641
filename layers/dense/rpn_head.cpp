#include "layers/dense/rpn_head.h"

#include "autograd/tape/op.h"

namespace swin::layers {

RpnHead::RpnHead(const Scope& scope, int64_t channels, int64_t anchors) : path_(scope.path()) {
  const auto conv = [&](const char* name, int64_t out, int64_t kernel) {
    return Conv2d(scope / name, channels, out, kernel, true, Initializer::normal(0.01));
  };
  rpn_conv_ = conv("rpn_conv", channels, 3);
  rpn_cls_ = conv("rpn_cls", anchors, 1);
  rpn_reg_ = conv("rpn_reg", 4 * anchors, 1);
}

RpnMaps RpnHead::operator()(const Tensor& map) const {
  const autograd::NamedScope named(path_);
  const Tensor t = autograd::relu(rpn_conv_(map));
  return {rpn_cls_(t), rpn_reg_(t)};
}

}  // namespace swin::layers
