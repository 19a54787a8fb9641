// Colors for classes that have none of their own.
#pragma once
#include <cstdint>

#include "data/image.h"

namespace swin::data {

/// The color of a label in the palette of PASCAL VOC: bit 7 − k of red, green and blue are the bits
/// 3k, 3k + 1 and 3k + 2 of the label. 0 is black; beyond 255 the colors repeat from 1 on.
inline Color palette_color(int64_t label) {
  if (label > 255) label = 1 + (label - 1) % 255;
  Color color{};
  for (int k = 0; k < 8; ++k)
    for (size_t c = 0; c < 3; ++c)
      color[c] = static_cast<uint8_t>(color[c] |
                                      ((label >> (3 * k + static_cast<int>(c)) & 1) << (7 - k)));
  return color;
}

}  // namespace swin::data
