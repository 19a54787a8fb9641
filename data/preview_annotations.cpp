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

void draw_box(const BoundingBox& box, const Color& color, int64_t line, Image& image) {
  const auto place = [](double at, int64_t size) {
    return std::clamp<int64_t>(static_cast<int64_t>(std::floor(at)), 0, size - 1);
  };
  int64_t left = place(box.x1, image.width), right = place(box.x2 - 0.5, image.width);
  int64_t top = place(box.y1, image.height), bottom = place(box.y2 - 0.5, image.height);
  Color light;  // dark colors would hardly be seen
  for (size_t c = 0; c < 3; ++c) light[c] = static_cast<uint8_t>((color[c] + 255) / 2);
  const auto draw = [&](int64_t y, int64_t x) {
    std::copy(light.begin(), light.end(), image.row(y) + 3 * x);
  };
  for (; line > 0 && left <= right && top <= bottom; --line, ++left, --right, ++top, --bottom) {
    for (int64_t x = left; x <= right; ++x) draw(top, x), draw(bottom, x);
    for (int64_t y = top; y <= bottom; ++y) draw(y, left), draw(y, right);
  }
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

const Color& color_of(const std::vector<Color>& colors, int64_t index) {
  return colors[static_cast<size_t>(index)];
}

}  // namespace

void draw_masks(const Objects& objects, const std::vector<Color>& colors, Image& image) {
  for (const Object& object : objects.objects)
    if (!object.crowd) draw_mask(object.mask, color_of(colors, object.class_index), image);
}

void draw_boxes(const Objects& objects, const std::vector<Color>& colors, int64_t line,
                Image& image) {
  for (const Object& object : objects.objects)
    draw_box(object.box, color_of(colors, object.class_index), line, image);
}

void draw_annotation(const Annotation& annotation, const std::vector<Color>& colors, Image& image) {
  if (const auto* map = std::get_if<LabelMap>(&annotation)) {
    for (size_t p = 0; p < map->classes.size(); ++p)
      if (map->classes[p] < colors.size())
        blend(image.pixels.data() + 3 * p, color_of(colors, map->classes[p]));
  } else if (const auto* objects = std::get_if<Objects>(&annotation)) {
    draw_masks(*objects, colors, image);
    draw_boxes(*objects, colors, 1, image);
  }
}

Image enlarged(const Image& image, int64_t factor) {
  Image large;
  large.reshape(image.height * factor, image.width * factor, image.channels);
  for (int64_t y = 0; y < large.height; ++y) {
    const uint8_t* from = image.row(y / factor);
    uint8_t* to = large.row(y);
    for (int64_t x = 0; x < large.width; ++x, to += image.channels)
      std::copy_n(from + x / factor * image.channels, image.channels, to);
  }
  return large;
}

void draw_label(const std::string& text, const Color& color, const BoundingBox& box, int64_t scale,
                Image& image) {
  const int64_t width = std::min(text_width(text, scale) + 2 * scale, image.width);
  const int64_t height = std::min((kLetterHeight + 2) * scale, image.height);
  const auto left = std::clamp<int64_t>(static_cast<int64_t>(box.x1), 0, image.width - width);
  auto top = static_cast<int64_t>(box.y1) - height;
  if (top < 0) top = static_cast<int64_t>(box.y1);
  top = std::clamp<int64_t>(top, 0, image.height - height);
  for (int64_t y = top; y < top + height; ++y)
    for (int64_t x = left; x < left + width; ++x)
      std::copy(color.begin(), color.end(), image.row(y) + 3 * x);
  draw_text(text, top + scale, left + scale, left + width, scale, image);
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
