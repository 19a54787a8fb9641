#include "layers/dense/box_head.h"

#include "autograd/tape/op.h"

namespace swin::layers {

BoxHead::BoxHead(const Scope& scope, const BoxHeadOptions& options) : path_(scope.path()) {
  const bool mmdetection = options.initial == InitialValues::mmdetection;
  const auto linear = [&](const Scope& at, int64_t in, int64_t out, const Initializer& weight) {
    // torchvision leaves them all at PyTorch's default.
    const Initializer uniform = uniform_fan_in(in, 1);
    return mmdetection ? Linear(at, in, out, weight, Initializer::zeros())
                       : Linear(at, in, out, uniform, uniform);
  };
  const int64_t in = options.in_channels * options.side * options.side, channels = options.channels;
  const Scope shared = scope / "shared_fcs";
  fc1_ = linear(shared / 0, in, channels, xavier_uniform(in, channels));
  fc2_ = linear(shared / 1, channels, channels, xavier_uniform(channels, channels));
  fc_cls_ = linear(scope / "fc_cls", channels, options.num_classes + 1, Initializer::normal(0.01));
  fc_reg_ = linear(scope / "fc_reg", channels, 4 * options.num_classes, Initializer::normal(0.001));
}

BoxPredictions BoxHead::operator()(const Tensor& features) const {
  const autograd::NamedScope named(path_);
  const int64_t regions = features.dim(0);
  const Tensor flat =
      autograd::reshape(autograd::permute(features, {0, 3, 1, 2}),
                        {regions, features.dim(1) * features.dim(2) * features.dim(3)});
  const Tensor x = autograd::relu(fc2_(autograd::relu(fc1_(flat))));
  return {fc_cls_(x), fc_reg_(x)};
}

}  // namespace swin::layers
