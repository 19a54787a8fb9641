#include "data/transforms/geometry.h"

#include <algorithm>
#include <cstring>

#include "base/integer.h"

namespace swin::data {

base::Size2 short_side_size(int64_t height, int64_t width, int64_t short_side) {
  const auto other = [&](int64_t short_now, int64_t long_now) {
    const double scaled =
        static_cast<double>(short_side * long_now) / static_cast<double>(short_now);
    return std::max<int64_t>(1, static_cast<int64_t>(scaled));
  };
  if (height <= width) return {short_side, other(height, width)};
  return {other(width, height), short_side};
}

Corner center_crop(int64_t image_height, int64_t image_width, int64_t height, int64_t width) {
  const auto begin = [](int64_t size, int64_t wanted) -> int64_t {
    const int64_t rest = size - wanted;
    if (rest < 0) return -(-rest / 2);  // padding: the smaller half first
    if (rest % 2 == 0) return rest / 2;
    const int64_t below = rest / 2;  // x.5 goes to the even neighbor
    return below % 2 == 0 ? below : below + 1;
  };
  return {begin(image_height, height), begin(image_width, width)};
}

Geometry unchanged(const base::Size2& image) { return resized(image, image); }

Geometry resized(const base::Size2& image, const base::Size2& size) {
  const Box whole{0, 0, size[0], size[1]};
  return {{0, 0, image[0], image[1]}, size, whole, whole};
}

base::Size2 keep_ratio_size(const base::Size2& image, int64_t short_side, int64_t long_side) {
  const auto [short_now, long_now] = std::minmax(image[0], image[1]);
  const double scale = std::min(static_cast<double>(short_side) / static_cast<double>(short_now),
                                static_cast<double>(long_side) / static_cast<double>(long_now));
  const auto side = [&](int64_t now) {
    return std::max<int64_t>(1, static_cast<int64_t>(static_cast<double>(now) * scale + 0.5));
  };
  return {side(image[0]), side(image[1])};
}

base::Size2 padded_up(const base::Size2& size) {
  return {base::round_up(size[0], kPadMultiple), base::round_up(size[1], kPadMultiple)};
}

Geometry padded(Geometry geometry, const base::Size2& size) {
  Box& window = geometry.window;
  // Mirrored, what is right in the sample is left in the image.
  if (geometry.flip) window.left -= size[1] - window.width;
  window.height = size[0];
  window.width = size[1];
  return geometry;
}

Geometry fitted_into(const Geometry& geometry, const base::Size2& most) {
  const base::Size2& size = geometry.size;
  const double scale = std::min(static_cast<double>(most[0]) / static_cast<double>(size[0]),
                                static_cast<double>(most[1]) / static_cast<double>(size[1]));
  const auto side = [&](size_t axis) {
    const auto scaled = static_cast<int64_t>(static_cast<double>(size[axis]) * scale);
    return std::clamp<int64_t>(scaled, 1, most[axis]);
  };
  Geometry fitted = geometry;
  fitted.size = {side(0), side(1)};
  fitted.visible = fitted.window = {0, 0, fitted.size[0], fitted.size[1]};
  return fitted;
}

Geometry fit(const base::Size2& image, const Preprocess& preprocess) {
  if (preprocess.long_side)
    return resized(image, keep_ratio_size(image, preprocess.resize.value_or(*preprocess.long_side),
                                          *preprocess.long_side));
  const int64_t height = preprocess.height, width = preprocess.width;
  Geometry geometry = unchanged(image);
  geometry.size = preprocess.resize ? short_side_size(image[0], image[1], *preprocess.resize)
                                    : base::Size2{height, width};
  const auto [top, left] = center_crop(geometry.size[0], geometry.size[1], height, width);
  geometry.window = {top, left, height, width};
  geometry.visible = {std::max<int64_t>(0, top), std::max<int64_t>(0, left),
                      std::min(geometry.size[0], height), std::min(geometry.size[1], width)};
  return geometry;
}

void crop(const Image& image, Corner corner, int64_t height, int64_t width, Image& to) {
  to.reshape(height, width, image.channels);
  const int64_t first = std::clamp<int64_t>(-corner.left, 0, width);
  const int64_t end = std::clamp<int64_t>(image.width - corner.left, first, width);
  const int64_t c = image.channels;
  for (int64_t y = 0; y < height; ++y) {
    const int64_t from_y = corner.top + y;
    uint8_t* row = to.row(y);
    if (from_y < 0 || from_y >= image.height || first == end) {
      std::memset(row, 0, static_cast<size_t>(width * c));
      continue;
    }
    std::memset(row, 0, static_cast<size_t>(first * c));
    std::memcpy(row + first * c, image.row(from_y) + (corner.left + first) * c,
                static_cast<size_t>((end - first) * c));
    std::memset(row + end * c, 0, static_cast<size_t>((width - end) * c));
  }
}

const Image& resize_visible(const Geometry& geometry, const Image& image,
                            Interpolation interpolation, Image& to, std::vector<uint8_t>& scratch) {
  const auto& [box, size, visible, window, flip] = geometry;
  const Box whole{0, 0, image.height, image.width};
  if (box == whole && visible == whole && size == base::Size2{box.height, box.width}) return image;
  // Only the visible part is computed: otherwise a strip of one pixel would need millions of rows.
  to.reshape(visible.height, visible.width, image.channels);
  kernels::resize_window(image.row(box.top) + box.left * image.channels, box.height, box.width,
                         image.channels, size[0], size[1], visible, interpolation, to.pixels.data(),
                         scratch, image.row_bytes());
  return to;
}

PreparedImage preprocess_image(const Image& image, const Preprocess& preprocess) {
  const Normalization normalization(preprocess.channels, preprocess.mean, preprocess.std);
  PreparedImage prepared;
  prepared.original_size = {image.height, image.width};
  const Geometry geometry = fit(prepared.original_size, preprocess);
  const auto [height, width] = prepared.real_size = {geometry.window.height, geometry.window.width};
  const base::Size2 padded = prepared.padded_size =
      preprocess.long_side ? padded_up(prepared.real_size) : prepared.real_size;
  prepared.pixels.resize(static_cast<size_t>(padded[0] * padded[1] * preprocess.channels));
  Image memory;
  std::vector<uint8_t> scratch;
  write_normalized(resize_visible(geometry, image, preprocess.interpolation, memory, scratch),
                   window_corner(geometry), height, width, false, normalization,
                   prepared.pixels.data(), padded[1]);
  write_padding(prepared.real_size, padded, preprocess.channels, prepared.pixels.data());
  return prepared;
}

}  // namespace swin::data
