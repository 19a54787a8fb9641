#include "trainers/run/draw_maps.h"

#include <algorithm>

#include "data/decode/decode.h"
#include "data/palette.h"

namespace swin::trainers {

std::vector<data::Color> colors_of(const Config& config) {
  std::vector<data::Color> colors;
  const size_t first = config.data.reduce_zero_label ? 1 : 0;  // colors are those of the values
  for (int64_t k = 0; k < config.model.num_classes; ++k) {
    const size_t value = static_cast<size_t>(k) + first;
    colors.push_back(value < config.data.colors.size() ? config.data.colors[value]
                                                       : data::palette_color(k));
  }
  return colors;
}

std::vector<std::pair<int64_t, int64_t>> class_pixels(const data::LabelMap& map) {
  std::vector<int64_t> counts;
  for (const uint16_t label : map.classes) {
    if (label >= counts.size()) counts.resize(label + size_t{1});
    ++counts[label];
  }
  std::vector<std::pair<int64_t, int64_t>> found;
  for (size_t k = 0; k < counts.size(); ++k)
    if (counts[k] > 0) found.emplace_back(static_cast<int64_t>(k), counts[k]);
  std::stable_sort(found.begin(), found.end(),
                   [](const auto& a, const auto& b) { return a.second > b.second; });
  return found;
}

data::Image draw_over(const data::Image& image, const data::LabelMap& map,
                      const std::vector<data::Color>& colors) {
  data::Image drawn;
  data::convert_channels(image, 3, drawn);
  uint8_t* pixel = drawn.pixels.data();
  for (const uint16_t label : map.classes)
    for (size_t c = 0; c < 3; ++c, ++pixel)
      if (label < colors.size()) *pixel = static_cast<uint8_t>((*pixel + colors[label][c] + 1) / 2);
  return drawn;
}

std::pair<std::string, std::string> write_map(DrawingFolder& folder, const std::string& image_path,
                                              const data::Image& image, const data::LabelMap& map,
                                              const std::vector<data::Color>& colors) {
  const std::string name = folder.name_of(image_path);
  return {
      folder.write(name + "_labels.png", data::encode_label_png(map.height, map.width, map.classes,
                                                                data::LabelMap::kIgnored, colors)),
      folder.write(name + "_overlay.png", data::encode_png(draw_over(image, map, colors)))};
}

}  // namespace swin::trainers
