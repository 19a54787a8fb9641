#include "layers/dense/uper_head.h"

#include "autograd/tape/op.h"

namespace swin::layers {

using autograd::resize_bilinear;

namespace {

autograd::Size2 size_of(const Tensor& map) { return {map.dim(1), map.dim(2)}; }

}  // namespace

UperHead::UperHead(const Scope& scope, const UperHeadOptions& options)
    : path_(scope.path()), pool_scales_(options.pool_scales) {
  const int64_t channels = options.channels;
  const size_t top = options.in_channels.size() - 1;
  for (size_t i = 0; i < pool_scales_.size(); ++i)
    psp_.emplace_back(scope / "psp_modules" / static_cast<int64_t>(i) / "1",
                      options.in_channels[top], channels, 1, options.norm);
  bottleneck_ =
      ConvNorm(scope / "bottleneck", options.in_channels[top] + std::ssize(pool_scales_) * channels,
               channels, 3, options.norm);
  for (size_t i = 0; i < top; ++i)
    laterals_.emplace_back(scope / "lateral_convs" / static_cast<int64_t>(i),
                           options.in_channels[i], channels, 1, options.norm);
  for (size_t i = 0; i < top; ++i)
    fpn_.emplace_back(scope / "fpn_convs" / static_cast<int64_t>(i), channels, channels, 3,
                      options.norm);
  fpn_bottleneck_ = ConvNorm(scope / "fpn_bottleneck", std::ssize(options.in_channels) * channels,
                             channels, 3, options.norm);
  dropout_ = DropChannels(scope, "dropout", options.dropout);
  conv_seg_ = pixel_classifier(scope, channels, options.num_classes);
}

Tensor UperHead::pool_pyramid(const Tensor& x, const Pass& pass) const {
  std::vector<Tensor> parts = {x};
  for (size_t i = 0; i < psp_.size(); ++i) {
    const Tensor pooled = autograd::adaptive_avg_pool(x, {pool_scales_[i], pool_scales_[i]});
    parts.push_back(resize_bilinear(psp_[i](pooled, pass), size_of(x)));
  }
  return bottleneck_(autograd::concat(parts, -1), pass);
}

Tensor UperHead::operator()(const std::vector<Tensor>& maps, const Pass& pass) const {
  const autograd::NamedScope named(path_);
  const size_t top = laterals_.size();
  std::vector<Tensor> laterals;
  for (size_t i = 0; i < top; ++i) laterals.push_back(laterals_[i](maps[i], pass));
  laterals.push_back(pool_pyramid(maps[top], pass));
  for (size_t i = top; i > 0; --i)
    laterals[i - 1] =
        autograd::add(laterals[i - 1], resize_bilinear(laterals[i], size_of(laterals[i - 1])));

  std::vector<Tensor> parts;
  for (size_t i = 0; i <= top; ++i) {
    const Tensor part = i < top ? fpn_[i](laterals[i], pass) : laterals[i];
    parts.push_back(i > 0 ? resize_bilinear(part, size_of(parts[0])) : part);
  }
  laterals.clear();
  return conv_seg_(dropout_(fpn_bottleneck_(autograd::concat(parts, -1), pass), pass));
}

}  // namespace swin::layers
