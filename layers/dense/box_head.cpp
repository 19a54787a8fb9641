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
  for (int64_t i = 0; i < options.convs; ++i)
    convs_.emplace_back(scope / "shared_convs" / i, options.in_channels, options.in_channels, 3,
                        Norm::batch);
  for (int64_t i = 0; i < options.fcs; ++i) {
    const int64_t from = i == 0 ? in : channels;
    fcs_.push_back(
        linear(scope / "shared_fcs" / i, from, channels, xavier_uniform(from, channels)));
  }
  fc_cls_ = linear(scope / "fc_cls", channels, options.num_classes + 1, Initializer::normal(0.01));
  fc_reg_ = linear(scope / "fc_reg", channels, 4 * options.num_classes, Initializer::normal(0.001));
}

BoxPredictions BoxHead::operator()(const Tensor& features, const Pass& pass) const {
  const autograd::NamedScope named(path_);
  Tensor x = features;
  for (const ConvNorm& conv : convs_) x = conv(x, pass);
  x = autograd::reshape(autograd::permute(x, {0, 3, 1, 2}),
                        {x.dim(0), x.dim(1) * x.dim(2) * x.dim(3)});
  for (const Linear& fc : fcs_) x = autograd::relu(fc(x));
  return {fc_cls_(x), fc_reg_(x)};
}

}  // namespace swin::layers
