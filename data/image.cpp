#include "data/image.h"

#include <string>

#include "base/errors.h"
#include "base/limits.h"
#include "data/transforms/kernels/pixels.h"

namespace swin::data {

void Image::reshape(int64_t new_height, int64_t new_width, int64_t new_channels) {
  constexpr size_t kLarge = size_t{32} << 20;  // smaller ones are not worth a look at /proc
  height = new_height;
  width = new_width;
  channels = new_channels;
  const auto bytes = static_cast<size_t>(height * width * channels);
  if (bytes >= kLarge && bytes > pixels.capacity())
    base::require_memory(static_cast<int64_t>(bytes),
                         "an image of " + std::to_string(width) + " × " + std::to_string(height),
                         "make it smaller, or raise the group's memory limit");
  pixels.resize(bytes);
}

void convert_channels(const Image& from, int64_t channels, Image& to) {
  if ((from.channels != 1 && from.channels != 3) || (channels != 1 && channels != 3))
    throw base::InternalError("data::convert_channels", "found " + std::to_string(from.channels) +
                                                            " to " + std::to_string(channels) +
                                                            " channels, expected 1 or 3");
  if (from.channels == channels) {
    to = from;
    return;
  }
  to.reshape(from.height, from.width, channels);
  const int64_t pixels = from.height * from.width;
  const uint8_t* source = from.pixels.data();
  uint8_t* target = to.pixels.data();
  if (channels == 3) {
    for (int64_t i = 0; i < pixels; ++i)
      target[3 * i] = target[3 * i + 1] = target[3 * i + 2] = source[i];
  } else {
    for (int64_t i = 0; i < pixels; ++i) target[i] = kernels::luma(source + 3 * i);
  }
}

void orient(const Image& from, int64_t orientation, Image& to) {
  if (orientation < 1 || orientation > 8)
    throw base::InternalError("data::orient", "found " + std::to_string(orientation));
  // A pixel of `to` comes from `start` + its row · row_step + its column · column_step.
  const int64_t h = from.height, w = from.width;
  const bool swapped = orientation >= 5;
  // Whether a step down in the stored image goes up as displayed, and a step right goes left.
  const bool rows_back =
      orientation == 3 || orientation == 4 || orientation == 6 || orientation == 7;
  const bool columns_back =
      orientation == 2 || orientation == 3 || orientation == 7 || orientation == 8;
  to.reshape(swapped ? w : h, swapped ? h : w, from.channels);
  const int64_t start = (rows_back ? (h - 1) * w : 0) + (columns_back ? w - 1 : 0);
  const int64_t down = rows_back ? -w : w, right = columns_back ? -1 : 1;
  const int64_t row_step = swapped ? right : down, column_step = swapped ? down : right;
  for (int64_t y = 0; y < to.height; ++y) {
    const uint8_t* source = from.pixels.data() + (start + y * row_step) * from.channels;
    uint8_t* target = to.row(y);
    for (int64_t x = 0; x < to.width; ++x) {
      for (int64_t c = 0; c < from.channels; ++c) *target++ = source[c];
      if (x + 1 < to.width) source += column_step * from.channels;
    }
  }
}

}  // namespace swin::data
