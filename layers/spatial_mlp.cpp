#include "layers/spatial_mlp.h"

#include <cmath>

#include "autograd/tape/op.h"

namespace swin::layers {

using namespace autograd;
using autograd::Size2;

SpatialMlp::SpatialMlp(const Scope& scope, const ModelConfig& config, int64_t stage,
                       const WindowPlan& windows)
    : path_(scope.path()),
      windows_(windows),
      pad_mode_(config.pad_mode),
      num_heads_(config.num_heads[static_cast<size_t>(stage)]) {
  const int64_t area = windows.window[0] * windows.window[1];
  const double deviation = config.init_std.value_or(1 / std::sqrt(static_cast<double>(area)));
  weight_ = scope.parameter("weight", {num_heads_ * area, area, 1}, Initializer::normal(deviation));
  bias_ = scope.parameter("bias", {num_heads_ * area}, Initializer::zeros());
}

Tensor SpatialMlp::mix(const Tensor& map) const {
  const Tensor windows = window_partition(map, windows_.window);
  const int64_t count = windows.dim(0), area = windows.dim(1), channels = windows.dim(2);
  const int64_t head_dim = channels / num_heads_;
  // One product per head: its matrix times the tokens of all windows.
  Tensor x = permute(reshape(windows, {count, area, num_heads_, head_dim}), {2, 1, 0, 3});
  x = reshape(x, {num_heads_, area, count * head_dim});
  x = matmul(reshape(weight_.tensor(), {num_heads_, area, area}), x);
  x = add(x, reshape(bias_.tensor(), {num_heads_, area, 1}));
  x = permute(reshape(x, {num_heads_, area, count, head_dim}), {2, 1, 0, 3});
  return window_reverse(reshape(x, windows.shape()), windows_.window, {map.dim(1), map.dim(2)});
}

Tensor SpatialMlp::operator()(const Tensor& x, const Pass&) const {
  const NamedScope named(path_);
  const auto attend = [&](const Tensor& map, const WindowGeometry& geometry) {
    if (geometry.shift == Size2{0, 0}) return mix(map);
    // Pads window − shift zeros at the top and left, shift at the bottom and right: pad_or_crop
    // adds all of them at the bottom and right, then roll moves the first part to the top and left.
    Size2 larger = {map.dim(1), map.dim(2)}, before{};
    for (size_t i : {0u, 1u})
      if (geometry.shift[i] > 0) {
        larger[i] += geometry.window[i];
        before[i] = geometry.window[i] - geometry.shift[i];
      }
    const Tensor mixed = mix(roll(pad_or_crop(map, larger), before));
    return pad_or_crop(roll(mixed, {-before[0], -before[1]}), {map.dim(1), map.dim(2)});
  };
  return attend_in_windows(x, windows_, pad_mode_, attend);
}

}  // namespace swin::layers
