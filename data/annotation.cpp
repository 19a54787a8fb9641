#include "data/annotation.h"

#include <cmath>

#include "base/errors.h"

namespace swin::data {

std::vector<int64_t> classes_of(const Annotation& annotation) {
  if (const auto* one = std::get_if<OneClass>(&annotation)) return {one->index};
  if (const auto* many = std::get_if<Classes>(&annotation)) return many->indices;
  return {};
}

int64_t stratum_of(const Annotation& annotation) {
  if (const auto* one = std::get_if<OneClass>(&annotation)) return one->index;
  const auto* many = std::get_if<Classes>(&annotation);
  return many && !many->indices.empty() ? many->indices.front() : 0;
}

void check_fits(const Annotation& annotation, const base::Size2& image, const std::string& name) {
  const auto check = [&](const char* what, int64_t height, int64_t width) {
    if (base::Size2{height, width} != image)
      throw base::DataError(name,
                            std::string("found ") + what + " of " + base::size_text(height, width) +
                                " pixels, expected the " + base::size_text(image) +
                                " of the image (height × width)",
                            "correct the annotation, or set preprocess.exif_orientation");
  };
  if (const auto* map = std::get_if<LabelMap>(&annotation))
    check("a label map", map->height, map->width);
  const auto* objects = std::get_if<Objects>(&annotation);
  if (!objects) return;
  check("objects in an image", objects->height, objects->width);
  for (const Object& object : objects->objects)
    if (const auto* runs = std::get_if<RunLengths>(&object.mask))
      check("a mask", runs->height, runs->width);
}

std::vector<uint8_t> to_pixels(const RunLengths& mask) {
  std::vector<uint8_t> pixels(static_cast<size_t>(mask.height * mask.width));
  const int64_t size = mask.height * mask.width;
  int64_t at = 0;
  for (size_t run = 0; run < mask.counts.size(); ++run) {
    const int64_t end = at + mask.counts[run];
    for (; at < std::min(end, size); ++at)
      pixels[static_cast<size_t>(at % mask.height * mask.width + at / mask.height)] = run % 2;
    at = end;
  }
  if (at != size)
    throw base::DataError("run lengths", "found runs of another sum, expected " +
                                             std::to_string(size) + ", the pixels of " +
                                             base::size_text(mask.height, mask.width));
  return pixels;
}

RunLengths to_run_lengths(std::span<const uint8_t> pixels, int64_t height, int64_t width) {
  RunLengths mask{height, width, {0}};
  for (int64_t at = 0; at < height * width; ++at) {
    const bool inside = pixels[static_cast<size_t>(at % height * width + at / height)] != 0;
    if (inside != (mask.counts.size() % 2 == 0)) mask.counts.push_back(0);
    ++mask.counts.back();
  }
  return mask;
}

std::optional<Object> object_of_pixels(std::span<const uint8_t> pixels, int64_t height,
                                       int64_t width, int64_t class_index) {
  int64_t top = height, left = width, bottom = 0, right = 0, area = 0;
  for (int64_t y = 0; y < height; ++y)
    for (int64_t x = 0; x < width; ++x) {
      if (pixels[static_cast<size_t>(y * width + x)] == 0) continue;
      top = std::min(top, y), bottom = y + 1;
      left = std::min(left, x), right = std::max(right, x + 1);
      ++area;
    }
  if (area == 0) return std::nullopt;
  return Object{{static_cast<double>(left), static_cast<double>(top), static_cast<double>(right),
                 static_cast<double>(bottom)},
                class_index,
                to_run_lengths(pixels, height, width),
                false,
                static_cast<double>(area)};
}

double area_of(const Mask& mask) {
  double area = 0;
  if (const auto* runs = std::get_if<RunLengths>(&mask))
    for (size_t run = 1; run < runs->counts.size(); run += 2) area += runs->counts[run];
  if (const auto* polygons = std::get_if<std::vector<Polygon>>(&mask))
    for (const Polygon& polygon : *polygons) {
      double twice = 0;
      for (size_t i = 0; i < polygon.size(); ++i) {
        const Point &a = polygon[i], &b = polygon[(i + 1) % polygon.size()];
        twice += a.x * b.y - b.x * a.y;
      }
      area += std::abs(twice) / 2;
    }
  return area;
}

}  // namespace swin::data
