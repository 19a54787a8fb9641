// Folders of images with label maps that tests write.
#pragma once
#include <string>
#include <vector>

#include "data/annotation.h"
#include "data/decode/decode.h"
#include "data/palette.h"
#include "tests/data/test_files.h"

namespace swin::data {

/// A PNG of labels below 255, with a palette; 65535 is stored as 255.
inline Bytes label_png(int64_t height, int64_t width, const std::vector<uint16_t>& labels) {
  std::vector<Color> palette;
  for (int64_t label = 0; label < 255; ++label) palette.push_back(palette_color(label));
  return encode_label_png(height, width, labels, LabelMap::kIgnored, palette);
}

inline Bytes image_png(int64_t height, int64_t width) {
  return encode_png(counting(height, width, 3));
}

/// An RGB PNG of one row.
inline Bytes color_png(const std::vector<Color>& colors) {
  Image image{1, static_cast<int64_t>(colors.size()), 3, {}};
  for (const Color& color : colors)
    image.pixels.insert(image.pixels.end(), color.begin(), color.end());
  return encode_png(image);
}

}  // namespace swin::data
