// Label maps and objects drawn over images.
#include <algorithm>
#include <cmath>
#include <map>
#include <utility>

#include "data/preview.h"
#include "data/run_lengths.h"

namespace swin::data {
namespace {

void blend(uint8_t* pixel, const Color& color) {
  for (size_t c = 0; c < 3; ++c) pixel[c] = static_cast<uint8_t>((pixel[c] + color[c]) / 2);
}

void draw_box(const BoundingBox& box, const Color& color, Image& image) {
  const auto place = [](double at, int64_t size) {
    return std::clamp<int64_t>(static_cast<int64_t>(std::floor(at)), 0, size - 1);
  };
  const int64_t left = place(box.x1, image.width), right = place(box.x2 - 0.5, image.width);
  const int64_t top = place(box.y1, image.height), bottom = place(box.y2 - 0.5, image.height);
  Color light;  // dark colors would hardly be seen
  for (size_t c = 0; c < 3; ++c) light[c] = static_cast<uint8_t>((color[c] + 255) / 2);
  const auto draw = [&](int64_t y, int64_t x) {
    std::copy(light.begin(), light.end(), image.row(y) + 3 * x);
  };
  for (int64_t x = left; x <= right; ++x) draw(top, x), draw(bottom, x);
  for (int64_t y = top; y <= bottom; ++y) draw(y, left), draw(y, right);
}

void draw_mask(const Mask& mask, const Color& color, Image& image) {
  std::vector<uint8_t> pixels;
  if (const auto* runs = std::get_if<RunLengths>(&mask)) pixels = to_pixels(*runs);
  if (const auto* polygons = std::get_if<std::vector<Polygon>>(&mask);
      polygons && !polygons->empty())
    pixels = to_pixels(rasterize(*polygons, image.height, image.width));
  for (size_t p = 0; p < pixels.size(); ++p)
    if (pixels[p]) blend(image.pixels.data() + 3 * p, color);
}

}  // namespace

void draw_annotation(const Annotation& annotation, const std::vector<Color>& colors, Image& image) {
  const auto color_of = [&](int64_t index) { return colors[static_cast<size_t>(index)]; };
  if (const auto* map = std::get_if<LabelMap>(&annotation)) {
    for (size_t p = 0; p < map->classes.size(); ++p)
      if (map->classes[p] < colors.size())
        blend(image.pixels.data() + 3 * p, color_of(map->classes[p]));
  } else if (const auto* objects = std::get_if<Objects>(&annotation)) {
    for (const Object& object : objects->objects)
      if (!object.crowd) draw_mask(object.mask, color_of(object.class_index), image);
    for (const Object& object : objects->objects)
      draw_box(object.box, color_of(object.class_index), image);
  }
}

std::vector<int64_t> classes_by_share(const Annotation& annotation) {
  std::map<int64_t, int64_t> counts;
  if (const auto* map = std::get_if<LabelMap>(&annotation)) {
    for (const uint16_t index : map->classes)
      if (index != LabelMap::kIgnored) ++counts[index];
  } else if (const auto* objects = std::get_if<Objects>(&annotation)) {
    for (const Object& object : objects->objects) ++counts[object.class_index];
  }
  std::vector<std::pair<int64_t, int64_t>> sorted(counts.begin(), counts.end());
  std::stable_sort(sorted.begin(), sorted.end(),
                   [](const auto& a, const auto& b) { return a.second > b.second; });
  std::vector<int64_t> classes;
  for (const auto& [index, count] : sorted) classes.push_back(index);
  return classes;
}

Legend legend_of(const Dataset& dataset) {
  Legend legend;
  for (int64_t c = 0; c < dataset.num_classes(); ++c) {
    const std::string& name = dataset.class_names()[static_cast<size_t>(c)];
    legend.names.push_back(name.empty() ? std::to_string(c) : name);
    legend.colors.push_back(dataset.class_color(c));
  }
  return legend;
}

}  // namespace swin::data
