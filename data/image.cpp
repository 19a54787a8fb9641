#include "data/image.h"

#include <string>

#include "base/errors.h"

namespace swin::data {

void convert_channels(const Image& from, int64_t channels, Image& to) {
  if ((from.channels != 1 && from.channels != 3) || (channels != 1 && channels != 3)) {
    throw base::InternalError("data::convert_channels", "found " + std::to_string(from.channels) +
                                                            " to " + std::to_string(channels) +
                                                            " channels, expected 1 or 3");
  }
  if (from.channels == channels) {
    to = from;
    return;
  }
  to.reshape(from.height, from.width, channels);
  const int64_t pixels = from.height * from.width;
  const uint8_t* source = from.pixels.data();
  uint8_t* target = to.pixels.data();
  if (channels == 3) {
    for (int64_t i = 0; i < pixels; ++i) {
      target[3 * i] = target[3 * i + 1] = target[3 * i + 2] = source[i];
    }
  } else {
    for (int64_t i = 0; i < pixels; ++i) {
      const uint32_t red = source[3 * i], green = source[3 * i + 1], blue = source[3 * i + 2];
      target[i] = static_cast<uint8_t>((red * 19595 + green * 38470 + blue * 7471 + 0x8000) >> 16);
    }
  }
}

}  // namespace swin::data
