#include "tasks/segmentation_inference.h"

#include <algorithm>
#include <cmath>

#include "autograd/ops/ops.h"
#include "base/parallel.h"

namespace swin::tasks {

using base::Size2;

namespace {

constexpr int64_t kForwardPixels = 1 << 20;  // of the images of one forward

Size2 size_of(const Tensor& map) { return {map.dim(1), map.dim(2)}; }

Tensor mirrored(const Tensor& x) {
  Tensor y(x.shape());
  if (!y.data()) return y;
  const int64_t width = x.dim(2), channels = x.dim(3);
  base::parallel_for(x.dim(0) * x.dim(1), [&](int64_t row) {
    const real* from = x.data() + row * width * channels;
    real* to = y.mutable_data() + row * width * channels;
    for (int64_t i = 0; i < width; ++i)
      std::copy_n(from + (width - 1 - i) * channels, channels, to + i * channels);
  });
  return y;
}

Tensor window_of(const Tensor& x, const WindowPlace& w) {
  if (w.height == x.dim(1) && w.width == x.dim(2)) return x;
  return autograd::slice(autograd::slice(x, 1, w.top, w.top + w.height), 2, w.left,
                         w.left + w.width);
}

/// Adds the logits of a window to those of the images.
void add_window(const Tensor& part, const WindowPlace& w, Tensor& sum) {
  if (!sum.data()) return;
  const auto [height, width] = size_of(sum);
  const int64_t classes = sum.dim(3);
  base::parallel_for(sum.dim(0) * w.height, [&, width = width, height = height](int64_t i) {
    const int64_t image = i / w.height, row = i % w.height;
    const real* from = part.data() + i * w.width * classes;
    real* to = sum.mutable_data() + ((image * height + w.top + row) * width + w.left) * classes;
    for (int64_t k = 0; k < w.width * classes; ++k) to[k] += from[k];
  });
}

/// Divides each pixel by the number of windows that cover it.
void divide(const std::vector<WindowPlace>& windows, Tensor& sum) {
  if (!sum.data()) return;
  const auto [height, width] = size_of(sum);
  const int64_t classes = sum.dim(3);
  std::vector<real> covered(static_cast<size_t>(height * width));
  for (const WindowPlace& w : windows)
    for (int64_t y = w.top; y < w.top + w.height; ++y)
      for (int64_t x = w.left; x < w.left + w.width; ++x)
        covered[static_cast<size_t>(y * width + x)] += 1;
  base::parallel_for(sum.dim(0) * height, [&, width = width, height = height](int64_t row) {
    real* to = sum.mutable_data() + row * width * classes;
    const real* count = covered.data() + row % height * width;
    for (int64_t k = 0; k < width * classes; ++k) to[k] /= count[k / classes];
  });
}

Tensor logits_of(const PixelLogits& logits, const InferenceOptions& options, const Tensor& images) {
  const std::vector<WindowPlace> windows =
      options.slide ? sliding_windows(size_of(images), options.crop, options.stride)
                    : std::vector<WindowPlace>();
  if (windows.size() < 2) return logits(images);
  Tensor sum;
  for (const WindowPlace& w : windows) {
    const Tensor part = logits(window_of(images, w));
    if (!sum.defined())
      sum = Tensor::filled({images.dim(0), images.dim(1), images.dim(2), part.dim(3)}, 0);
    add_window(part, w, sum);
  }
  divide(windows, sum);
  return sum;
}

/// The largest class of each pixel of one image, (1, H, W, classes) → (H, W).
Tensor largest(const Tensor& scores) {
  const auto [height, width] = size_of(scores);
  const int64_t classes = scores.dim(3);
  Tensor map({height, width});
  if (!map.data()) return map;
  base::parallel_for(height, [&, width = width](int64_t row) {
    const real* score = scores.data() + row * width * classes;
    real* out = map.mutable_data() + row * width;
    for (int64_t x = 0; x < width; ++x, score += classes)
      out[x] = static_cast<real>(std::max_element(score, score + classes) - score);
  });
  return map;
}

/// Of images of one size.
void add_maps(const PixelLogits& logits, const InferenceOptions& options, const Tensor& images,
              std::span<const Size2> originals, std::vector<Tensor>& maps) {
  const int64_t count = images.dim(0);
  const auto original = [&](int64_t i) {
    return originals.empty() ? size_of(images) : originals[static_cast<size_t>(i)];
  };
  const auto scores_of = [&](const Tensor& whole, int64_t i) {
    return autograd::resize_bilinear(autograd::slice(whole, 0, i, i + 1), original(i));
  };
  if (options.scales == std::vector<double>{1} && !options.flip) {
    const Tensor whole = logits_of(logits, options, images);
    for (int64_t i = 0; i < count; ++i) maps.push_back(largest(scores_of(whole, i)));
    return;
  }
  std::vector<Tensor> sums(static_cast<size_t>(count));
  for (const double scale : options.scales) {
    const auto scaled = [&](int64_t side) {
      return std::max<int64_t>(1,
                               std::llround(std::floor(static_cast<double>(side) * scale + 0.5)));
    };
    const Tensor small =
        autograd::resize_bilinear(images, {scaled(images.dim(1)), scaled(images.dim(2))});
    for (const bool flip : {false, true}) {
      if (flip && !options.flip) continue;
      const Tensor whole = logits_of(logits, options, flip ? mirrored(small) : small);
      for (int64_t i = 0; i < count; ++i) {
        Tensor probabilities = autograd::softmax(scores_of(whole, i));
        if (flip) probabilities = mirrored(probabilities);
        Tensor& sum = sums[static_cast<size_t>(i)];
        sum = sum.defined() ? autograd::add(sum, probabilities) : probabilities;
      }
    }
  }
  for (const Tensor& sum : sums) maps.push_back(largest(sum));
}

}  // namespace

std::vector<WindowPlace> sliding_windows(const Size2& image, const Size2& crop,
                                         const Size2& stride) {
  const auto places = [&](size_t axis) {
    const int64_t length = image[axis], step = stride[axis];
    std::vector<std::pair<int64_t, int64_t>> parts;
    const int64_t count = std::max<int64_t>(length - crop[axis] + step - 1, 0) / step + 1;
    for (int64_t i = 0; i < count; ++i) {
      const int64_t end = std::min(i * step + crop[axis], length);
      const int64_t begin = std::max<int64_t>(end - crop[axis], 0);
      parts.emplace_back(begin, end - begin);
    }
    return parts;
  };
  std::vector<WindowPlace> windows;
  for (const auto& [top, height] : places(0))
    for (const auto& [left, width] : places(1)) windows.push_back({top, left, height, width});
  return windows;
}

std::vector<Tensor> class_maps(const PixelLogits& logits, const InferenceOptions& options,
                               const Tensor& images, const ImageInfo& info) {
  const auto listed = static_cast<int64_t>(info.real_sizes.size());
  const int64_t count = listed > 0 ? listed : images.dim(0);
  const auto real_size = [&](int64_t i) {
    return listed > 0 ? info.real_sizes[static_cast<size_t>(i)] : size_of(images);
  };
  std::vector<Tensor> maps;
  for (int64_t begin = 0, end = 0; begin < count; begin = end) {
    const Size2 size = real_size(begin);
    const int64_t most = std::max<int64_t>(1, kForwardPixels / (size[0] * size[1]));
    for (end = begin + 1; end < std::min(count, begin + most) && real_size(end) == size;) ++end;
    Tensor part = autograd::slice(images, 0, begin, end);
    if (size_of(part) != size) part = autograd::pad_or_crop(part, size);
    add_maps(logits, options, part,
             info.original_sizes.empty()
                 ? info.original_sizes
                 : info.original_sizes.subspan(static_cast<size_t>(begin),
                                               static_cast<size_t>(end - begin)),
             maps);
  }
  return maps;
}

}  // namespace swin::tasks
