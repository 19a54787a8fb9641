#include "layers/spatial_mlp.h"

#include <cmath>
#include <utility>

#include "autograd/tape/op.h"

namespace swin::layers {

using namespace autograd;
using autograd::Size2;
using autograd::WindowLayout;

SpatialMlp::SpatialMlp(const Scope& scope, const ModelConfig& config, int64_t stage, int64_t block)
    : WindowMixer(scope, config, stage, block) {
  const int64_t area = window_layout(config, stage, block).tokens(), heads = num_heads();
  const double deviation = config.init_std.value_or(1 / std::sqrt(static_cast<double>(area)));
  weight_ = scope.parameter("weight", {heads * area, area, 1}, Initializer::normal(deviation));
  bias_ = scope.parameter("bias", {heads * area}, Initializer::zeros());
}

Tensor SpatialMlp::mix(const Tensor& map, Size2 window) const {
  const Tensor windows = window_partition(map, window);
  const int64_t count = windows.dim(0), area = windows.dim(1), channels = windows.dim(2);
  const int64_t heads = num_heads(), head_dim = channels / heads;
  // One product per head: its matrix times the tokens of all windows.
  Tensor x = permute(reshape(windows, {count, area, heads, head_dim}), {2, 1, 0, 3});
  x = reshape(x, {heads, area, count * head_dim});
  x = matmul(reshape(weight_.tensor(), {heads, area, area}), x);
  x = add(x, reshape(bias_.tensor(), {heads, area, 1}));
  x = permute(reshape(x, {heads, area, count, head_dim}), {2, 1, 0, 3});
  return window_reverse(reshape(x, windows.shape()), window, {map.dim(1), map.dim(2)});
}

Tensor SpatialMlp::operator()(const Tensor& x, const Pass&) const {
  const NamedScope named(path_);
  const WindowLayout windows = layout_of(x);
  Tensor y = pad_to_windows(x, windows);
  if (windows.shift == Size2{0, 0}) {
    y = mix(y, windows.window);
  } else {
    // Pads window − shift zeros at the top and left, shift at the bottom and right: pad_or_crop
    // adds all of them at the bottom and right, then roll moves the first part to the top and left.
    Size2 larger = windows.padded, before{};
    for (size_t i : {0u, 1u})
      if (windows.shift[i] > 0) {
        larger[i] += windows.window[i];
        before[i] = windows.window[i] - windows.shift[i];
      }
    const Tensor mixed = mix(roll(pad_or_crop(y, larger), before), windows.window);
    y = pad_or_crop(roll(mixed, {-before[0], -before[1]}), windows.padded);
  }
  return crop_to_map(std::move(y), windows);
}

}  // namespace swin::layers
