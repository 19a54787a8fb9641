// Label maps and objects under a Geometry.
#include <algorithm>
#include <utility>

#include "data/transforms/geometry.h"

namespace swin::data {
namespace {

// One direction of a geometry.
struct Axis {
  int64_t crop_begin, crop_size, resized, visible_begin, visible_size, window_begin, window_size;
  bool flip;

  // The row (or column) of the image that the center of row i of the sample comes from; −1 in the
  // padding.
  int64_t source(int64_t i) const {
    const int64_t at = window_begin + (flip ? window_size - 1 - i : i);
    if (at < visible_begin || at >= visible_begin + visible_size) return -1;
    return crop_begin + (2 * at + 1) * crop_size / (2 * resized);
  }
  double position(double in_image) const {
    const double scale = static_cast<double>(resized) / static_cast<double>(crop_size);
    const double in_sample =
        (in_image - static_cast<double>(crop_begin)) * scale - static_cast<double>(window_begin);
    return flip ? static_cast<double>(window_size) - in_sample : in_sample;
  }
  // What of the sample is not padding.
  std::pair<double, double> visible() const {
    const int64_t begin = std::max<int64_t>(0, visible_begin - window_begin);
    const int64_t end = std::min(window_size, visible_begin + visible_size - window_begin);
    return {static_cast<double>(flip ? window_size - end : begin),
            static_cast<double>(flip ? window_size - begin : end)};
  }
  // The part of a range of the image that is visible; empty where the end is not above the begin.
  std::pair<double, double> range(double begin, double end) const {
    begin = position(begin), end = position(end);
    if (flip) std::swap(begin, end);
    const auto [first, last] = visible();
    return {std::max(begin, first), std::min(end, last)};
  }
};

struct Axes {
  explicit Axes(const Geometry& g)
      : y{g.crop.top,       g.crop.height, g.size[0],       g.visible.top,
          g.visible.height, g.window.top,  g.window.height, false},
        x{g.crop.left,     g.crop.width,  g.size[1],      g.visible.left,
          g.visible.width, g.window.left, g.window.width, g.flip} {}
  Axis y, x;
};

// (height, width) of the sample by the nearest pixel of (…, width) of the image.
template <class Value>
std::vector<Value> sampled(const Axes& axes, const std::vector<Value>& pixels, int64_t width,
                           Value padding) {
  std::vector<Value> sample;
  sample.reserve(static_cast<size_t>(axes.y.window_size * axes.x.window_size));
  std::vector<int64_t> columns;
  for (int64_t i = 0; i < axes.x.window_size; ++i) columns.push_back(axes.x.source(i));
  for (int64_t i = 0; i < axes.y.window_size; ++i) {
    const int64_t y = axes.y.source(i);
    for (const int64_t x : columns)
      sample.push_back(y < 0 || x < 0 ? padding : pixels[static_cast<size_t>(y * width + x)]);
  }
  return sample;
}

// Keeps what lies at or above `bound` (side 1), or at or below it (side −1): Sutherland and Hodgman
// 1974, "Reentrant polygon clipping".
void cut(Polygon& polygon, double Point::*axis, double bound, double side) {
  Polygon kept;
  for (size_t i = 0; i < polygon.size(); ++i) {
    const Point &a = polygon[i], &b = polygon[(i + 1) % polygon.size()];
    const double from = side * (a.*axis - bound), to = side * (b.*axis - bound);
    if (from >= 0) kept.push_back(a);
    if (from * to >= 0) continue;
    const double share = from / (from - to);
    kept.push_back({a.x + share * (b.x - a.x), a.y + share * (b.y - a.y)});
    kept.back().*axis = bound;
  }
  polygon = std::move(kept);
}

Mask transformed(const Axes& axes, const Mask& mask) {
  if (const auto* runs = std::get_if<RunLengths>(&mask))
    return to_run_lengths(sampled<uint8_t>(axes, to_pixels(*runs), runs->width, 0),
                          axes.y.window_size, axes.x.window_size);
  const auto* polygons = std::get_if<std::vector<Polygon>>(&mask);
  if (!polygons) return {};
  std::vector<Polygon> parts;
  for (Polygon polygon : *polygons) {
    for (Point& point : polygon) point = {axes.x.position(point.x), axes.y.position(point.y)};
    cut(polygon, &Point::x, axes.x.visible().first, 1);
    cut(polygon, &Point::x, axes.x.visible().second, -1);
    cut(polygon, &Point::y, axes.y.visible().first, 1);
    cut(polygon, &Point::y, axes.y.visible().second, -1);
    if (polygon.size() >= 3) parts.push_back(std::move(polygon));
  }
  return parts;
}

}  // namespace

Annotation transformed(const Geometry& geometry, const Annotation& annotation) {
  const Axes axes(geometry);
  const int64_t height = axes.y.window_size, width = axes.x.window_size;
  if (const auto* map = std::get_if<LabelMap>(&annotation))
    return LabelMap{height, width, sampled(axes, map->classes, map->width, LabelMap::kIgnored)};
  const auto* objects = std::get_if<Objects>(&annotation);
  if (!objects) return annotation;
  Objects kept{height, width, {}};
  for (const Object& object : objects->objects) {
    const auto [x1, x2] = axes.x.range(object.box.x1, object.box.x2);
    const auto [y1, y2] = axes.y.range(object.box.y1, object.box.y2);
    const BoundingBox box{x1, y1, x2, y2};
    Mask mask = transformed(axes, object.mask);
    const double area = std::holds_alternative<std::monostate>(mask)
                            ? object.area * (box.area() / object.box.area())
                            : area_of(mask);
    if (x2 > x1 && y2 > y1 && area > 0)
      kept.objects.push_back({box, object.class_index, std::move(mask), object.crowd, area});
  }
  return kept;
}

}  // namespace swin::data
