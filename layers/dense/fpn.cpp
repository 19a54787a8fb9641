#include "layers/dense/fpn.h"

#include "autograd/tape/op.h"

namespace swin::layers {

namespace {

Conv2d conv_of(const Scope& scope, int64_t in, int64_t out, int64_t kernel, InitialValues initial) {
  const int64_t area = kernel * kernel;
  return Conv2d(scope / "conv", in, out, kernel, true,
                initial == InitialValues::mmdetection ? xavier_uniform(in * area, out * area)
                                                      : uniform_fan_in(in * area, 3));
}

}  // namespace

Fpn::Fpn(const Scope& scope, const FpnOptions& options) : path_(scope.path()) {
  for (size_t i = 0; i < options.in_channels.size(); ++i)
    laterals_.push_back(conv_of(scope / "lateral_convs" / static_cast<int64_t>(i),
                                options.in_channels[i], options.channels, 1, options.initial));
  for (size_t i = 0; i < options.in_channels.size(); ++i)
    outputs_.push_back(conv_of(scope / "fpn_convs" / static_cast<int64_t>(i), options.channels,
                               options.channels, 3, options.initial));
}

std::vector<Tensor> Fpn::operator()(const std::vector<Tensor>& maps) const {
  const autograd::NamedScope named(path_);
  std::vector<Tensor> laterals, outputs;
  for (size_t i = 0; i < laterals_.size(); ++i) laterals.push_back(laterals_[i](maps[i]));
  for (size_t i = laterals.size() - 1; i > 0; --i)
    laterals[i - 1] = autograd::add(
        laterals[i - 1],
        autograd::resize_nearest(laterals[i], {laterals[i - 1].dim(1), laterals[i - 1].dim(2)}));
  for (size_t i = 0; i < outputs_.size(); ++i) outputs.push_back(outputs_[i](laterals[i]));
  outputs.push_back(autograd::subsample(outputs.back(), 2));
  return outputs;
}

}  // namespace swin::layers
