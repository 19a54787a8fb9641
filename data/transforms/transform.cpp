#include "data/transforms/transform.h"

#include <algorithm>
#include <cmath>
#include <cstring>

#include "base/errors.h"
#include "base/random.h"
#include "base/size2.h"

namespace swin::data {

Normalization::Normalization(int64_t channels, const std::vector<float>& mean,
                             const std::vector<float>& std)
    : channels_(channels), table_(static_cast<size_t>(channels * 256)) {
  const auto check = [&](const char* field, const std::vector<float>& values) {
    if (values.size() != 1 && static_cast<int64_t>(values.size()) != channels) {
      throw base::UsageError(std::string("preprocess.") + field,
                             "found " + std::to_string(values.size()) + " values, expected " +
                                 std::to_string(channels),
                             "give one value for each channel of the model (model.in_chans)");
    }
  };
  check("mean", mean);
  check("std", std);
  for (int64_t c = 0; c < channels; ++c) {
    const float m = mean[mean.size() == 1 ? 0 : static_cast<size_t>(c)];
    const float s = std[std.size() == 1 ? 0 : static_cast<size_t>(c)];
    if (!(s > 0) || !std::isfinite(s) || !std::isfinite(m)) {
      throw base::UsageError("preprocess.std", "found mean " + std::to_string(m) + " and std " +
                                                   std::to_string(s) +
                                                   ", expected finite values and a std above 0");
    }
    for (int value = 0; value < 256; ++value) {
      const float unit = static_cast<float>(value) / 255.0f;
      table_[static_cast<size_t>(c * 256 + value)] = (unit - m) / s;
    }
  }
}

Corner random_crop(int64_t padding, uint64_t seed, uint64_t epoch, uint64_t index) {
  const base::Random random(seed, "data/random_crop", epoch, index);
  const auto corners = static_cast<uint32_t>(2 * padding + 1);  // along each axis
  return {static_cast<int64_t>(random.below(0, corners)) - padding,
          static_cast<int64_t>(random.below(1, corners)) - padding};
}

bool random_flip(double probability, uint64_t seed, uint64_t epoch, uint64_t index) {
  return base::Random(seed, "data/horizontal_flip", epoch, index).uniform(0) < probability;
}

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

const Image& fit(const Image& image, const Preprocess& preprocess, Image& scratch, Image& to) {
  const int64_t height = preprocess.height, width = preprocess.width;
  base::Size2 size = {height, width};
  if (preprocess.resize) size = short_side_size(image.height, image.width, *preprocess.resize);
  const bool resized = size[0] != image.height || size[1] != image.width;
  const bool cropped = size[0] != height || size[1] != width;
  if (!resized && !cropped) return image;
  const Corner corner = center_crop(size[0], size[1], height, width);
  if (!resized) {
    crop(image, corner, height, width, to);
    return to;
  }
  // Only the cropped window is computed: otherwise a strip of one pixel would need millions
  // of rows.
  const kernels::Window window = {std::max<int64_t>(0, corner.top),
                                  std::max<int64_t>(0, corner.left), std::min(size[0], height),
                                  std::min(size[1], width)};
  const bool padded = window.height < height || window.width < width;
  thread_local std::vector<uint8_t> between;
  Image& target = padded ? scratch : to;
  target.reshape(window.height, window.width, image.channels);
  kernels::resize_window(image.pixels.data(), image.height, image.width, image.channels, size[0],
                         size[1], window, preprocess.interpolation, target.pixels.data(), between);
  if (padded) {
    const Corner begin = {std::min<int64_t>(0, corner.top), std::min<int64_t>(0, corner.left)};
    crop(scratch, begin, height, width, to);
  }
  return to;
}

namespace {

// `step` is +1, or −1 for a mirrored row.
template <int64_t kChannels>
void write_row(const uint8_t* from, int64_t pixels, int64_t step,
               const Normalization& normalization, float* out) {
  const float* tables[kChannels];
  for (int64_t c = 0; c < kChannels; ++c) tables[c] = normalization.table(c);
  for (int64_t x = 0; x < pixels; ++x) {
    for (int64_t c = 0; c < kChannels; ++c) out[x * kChannels + c] = tables[c][from[c]];
    from += step * kChannels;
  }
}

void write_zeros(int64_t pixels, const Normalization& normalization, float* out) {
  const int64_t channels = normalization.channels();
  for (int64_t x = 0; x < pixels; ++x) {
    for (int64_t c = 0; c < channels; ++c) out[x * channels + c] = normalization.table(c)[0];
  }
}

}  // namespace

void write_normalized(const Image& image, Corner corner, int64_t height, int64_t width, bool flip,
                      const Normalization& normalization, float* out) {
  const int64_t c = normalization.channels();
  if (image.channels != c || (c != 1 && c != 3)) {
    throw base::InternalError("data::write_normalized",
                              "found an image of " + std::to_string(image.channels) +
                                  " channels and a normalization of " + std::to_string(c));
  }
  // Columns [first, end) of the window lie inside the image; if mirrored, counted from the right.
  const int64_t first = std::clamp<int64_t>(-corner.left, 0, width);
  const int64_t end = std::clamp<int64_t>(image.width - corner.left, first, width);
  const int64_t before = flip ? width - end : first;
  const int64_t from_x = corner.left + (flip ? end - 1 : first);
  for (int64_t y = 0; y < height; ++y, out += width * c) {
    const int64_t from_y = corner.top + y;
    if (from_y < 0 || from_y >= image.height || first == end) {
      write_zeros(width, normalization, out);
      continue;
    }
    const uint8_t* from = image.row(from_y) + from_x * c;
    write_zeros(before, normalization, out);
    (c == 3 ? write_row<3> : write_row<1>)(from, end - first, flip ? -1 : 1, normalization,
                                           out + before * c);
    const int64_t written = before + end - first;
    write_zeros(width - written, normalization, out + written * c);
  }
}

std::vector<float> preprocess_image(const Image& image, const Preprocess& preprocess) {
  const Normalization normalization(preprocess.channels, preprocess.mean, preprocess.std);
  Image scratch, fitted;
  const Image& ready = fit(image, preprocess, scratch, fitted);
  std::vector<float> out(
      static_cast<size_t>(preprocess.height * preprocess.width * preprocess.channels));
  write_normalized(ready, {}, preprocess.height, preprocess.width, false, normalization,
                   out.data());
  return out;
}

std::optional<int64_t> default_resize(int64_t height, int64_t width) {
  const int64_t side = std::min(height, width);
  if (side <= 32) return std::nullopt;
  return static_cast<int64_t>(256.0 / 224.0 * static_cast<double>(side));
}

}  // namespace swin::data
