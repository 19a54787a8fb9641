#include "data/transforms/geometry.h"

#include <algorithm>
#include <cstring>

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

Geometry unchanged(const base::Size2& image) {
  const Box whole{0, 0, image[0], image[1]};
  return {whole, image, whole, whole};
}

Geometry fit(const base::Size2& image, const Preprocess& preprocess) {
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

std::vector<float> preprocess_image(const Image& image, const Preprocess& preprocess) {
  const Normalization normalization(preprocess.channels, preprocess.mean, preprocess.std);
  const Geometry geometry = fit({image.height, image.width}, preprocess);
  Image resized;
  std::vector<uint8_t> scratch;
  std::vector<float> out(
      static_cast<size_t>(preprocess.height * preprocess.width * preprocess.channels));
  write_normalized(resize_visible(geometry, image, preprocess.interpolation, resized, scratch),
                   window_corner(geometry), preprocess.height, preprocess.width, false,
                   normalization, out.data());
  return out;
}

}  // namespace swin::data
