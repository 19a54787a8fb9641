// Label maps and objects under a Geometry.
#include <algorithm>
#include <cmath>
#include <optional>
#include <tuple>
#include <utility>

#include "data/run_lengths.h"
#include "data/transforms/geometry.h"

namespace swin::data {
namespace {

constexpr double kLargest = 1e9;  // pixels; what lies beyond is a slip

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
  // Where a range of the image lies in the sample, and beyond it.
  std::pair<double, double> placed(double begin, double end) const {
    const double first = position(begin), second = position(end);
    return flip ? std::pair(second, first) : std::pair(first, second);
  }
  // What of it is visible; empty where the end is not above the begin.
  std::pair<double, double> range(double begin, double end) const {
    const auto [first, last] = visible();
    std::tie(begin, end) = placed(begin, end);
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
  const auto sample_width = static_cast<size_t>(axes.x.window_size);
  std::vector<Value> sample(static_cast<size_t>(axes.y.window_size) * sample_width, padding);
  std::vector<int64_t> columns(sample_width);
  for (size_t i = 0; i < sample_width; ++i) columns[i] = axes.x.source(static_cast<int64_t>(i));
  for (int64_t i = 0; i < axes.y.window_size; ++i) {
    const int64_t y = axes.y.source(i);
    if (y < 0) continue;
    const Value* row = pixels.data() + y * width;
    Value* to = sample.data() + static_cast<size_t>(i) * sample_width;
    for (size_t x = 0; x < sample_width; ++x)
      if (columns[x] >= 0) to[x] = row[columns[x]];
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

// Around what is left of a mask.
BoundingBox box_around(const Mask& mask) {
  if (const auto* runs = std::get_if<RunLengths>(&mask)) return box_of(*runs);
  BoundingBox box{kLargest, kLargest, -kLargest, -kLargest};
  for (const Polygon& polygon : std::get<std::vector<Polygon>>(mask))
    for (const auto& [x, y] : polygon)
      box = {std::min(box.x1, x), std::min(box.y1, y), std::max(box.x2, x), std::max(box.y2, y)};
  return box;
}

bool is_finite(const Object& object) {
  const auto within = [](double value) { return std::abs(value) <= kLargest; };  // not of a NaN
  const BoundingBox& box = object.box;
  if (!within(box.x1) || !within(box.y1) || !within(box.x2) || !within(box.y2)) return false;
  if (!std::isfinite(object.area)) return false;
  const auto* polygons = std::get_if<std::vector<Polygon>>(&object.mask);
  return !polygons || std::ranges::all_of(*polygons, [&](const Polygon& polygon) {
    return std::ranges::all_of(
        polygon, [&](const Point& point) { return within(point.x) && within(point.y); });
  });
}

bool has_sides(const BoundingBox& box) { return box.x2 > box.x1 && box.y2 > box.y1; }

// What of an object is in the sample; nothing if it has no area there.
std::optional<Object> transformed(const Axes& axes, const Object& object) {
  if (!is_finite(object)) return std::nullopt;
  const auto [x1, y1, x2, y2] = object.box;
  const auto columns = axes.x.range(x1, x2), rows = axes.y.range(y1, y2);
  Object kept = {{columns.first, rows.first, columns.second, rows.second}, object.class_index};
  if (!has_sides(kept.box)) return std::nullopt;
  kept.crowd = object.crowd;
  kept.mask = transformed(axes, object.mask);
  if (std::holds_alternative<std::monostate>(kept.mask)) {
    kept.area = object.area * (kept.box.area() / object.box.area());
  } else {
    kept.area = area_of(kept.mask);
    if (columns != axes.x.placed(x1, x2) || rows != axes.y.placed(y1, y2))
      kept.box = box_around(kept.mask);
  }
  // The area of a line may be a little above 0 by rounding.
  return kept.area > 0 && has_sides(kept.box) ? std::optional(std::move(kept)) : std::nullopt;
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
  for (const Object& object : objects->objects)
    if (auto left = transformed(axes, object)) kept.objects.push_back(std::move(*left));
  return kept;
}

double largest_class_ratio(const Geometry& geometry, const LabelMap& map) {
  std::vector<int64_t> counts;
  int64_t labeled = 0, largest = 0;
  for (const uint16_t value : sampled(Axes(geometry), map.classes, map.width, LabelMap::kIgnored)) {
    if (value == LabelMap::kIgnored) continue;
    if (value >= counts.size()) counts.resize(value + size_t{1});
    largest = std::max(largest, ++counts[value]);
    ++labeled;
  }
  return labeled > 0 ? static_cast<double>(largest) / static_cast<double>(labeled) : 1;
}

}  // namespace swin::data
