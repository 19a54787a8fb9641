// The input is a geometry and an annotation, whose numbers have any bits. What is left of it lies
// in the sample.
#include "data/transforms/geometry.h"

#include <algorithm>
#include <bit>
#include <cmath>

#include "fuzz/check.h"
#include "fuzz/input.h"

namespace {

using namespace swin;
using fuzz::require;

int64_t between(fuzz::Input& input, int64_t least, int64_t most) {
  return least + static_cast<int64_t>(input.below(static_cast<size_t>(most - least + 1)));
}

// A part of `size` pixels along one axis.
void part(fuzz::Input& input, int64_t size, int64_t& begin, int64_t& length) {
  begin = between(input, 0, size - 1);
  length = between(input, 1, size - begin);
}

data::Geometry geometry_of(fuzz::Input& input, const base::Size2& image) {
  data::Geometry geometry;
  data::Box &crop = geometry.crop, &visible = geometry.visible;
  part(input, image[0], crop.top, crop.height);
  part(input, image[1], crop.left, crop.width);
  geometry.size = {between(input, 1, 48), between(input, 1, 48)};
  part(input, geometry.size[0], visible.top, visible.height);
  part(input, geometry.size[1], visible.left, visible.width);
  geometry.window = {visible.top + input.small(), visible.left + input.small(),
                     between(input, 1, 64), between(input, 1, 64)};
  geometry.flip = input.below(2) == 1;
  return geometry;
}

// Now and then any bits, else a number near the image.
double number(fuzz::Input& input) {
  if (input.below(4) > 0) return static_cast<double>(input.small()) / 2;
  uint64_t bits = 0;
  for (int byte = 0; byte < 8; ++byte) bits = bits << 8 | input.byte();
  return std::bit_cast<double>(bits);
}

data::Mask mask_of(fuzz::Input& input, const base::Size2& image) {
  const size_t kind = input.below(3);
  if (kind == 0) return {};
  if (kind == 1) {
    data::RunLengths runs{image[0], image[1], {}};
    for (int64_t left = image[0] * image[1]; left > 0; left -= runs.counts.back())
      runs.counts.push_back(static_cast<uint32_t>(std::min<int64_t>(left, input.byte() + 1)));
    return runs;
  }
  std::vector<data::Polygon> polygons(input.below(3));
  for (data::Polygon& polygon : polygons) {
    polygon.resize(input.below(8));
    for (data::Point& point : polygon) point = {number(input), number(input)};
  }
  return polygons;
}

void check(const data::Objects& objects) {
  const auto width = static_cast<double>(objects.width),
             height = static_cast<double>(objects.height);
  for (const auto& [box, class_index, mask, crowd, area] : objects.objects) {
    require(std::isfinite(area) && area > 0);
    require(box.x1 >= 0 && box.x1 < box.x2 && box.x2 <= width);
    require(box.y1 >= 0 && box.y1 < box.y2 && box.y2 <= height);
    if (const auto* runs = std::get_if<data::RunLengths>(&mask))
      require(runs->height == objects.height && runs->width == objects.width);
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* bytes, size_t size) {
  fuzz::Input input(bytes, size);
  const base::Size2 image = {between(input, 1, 40), between(input, 1, 40)};
  const data::Geometry geometry = geometry_of(input, image);
  data::Objects objects{image[0], image[1], {}};
  for (size_t left = input.below(5); left > 0; --left)
    objects.objects.push_back({{number(input), number(input), number(input), number(input)},
                               0,
                               mask_of(input, image),
                               false,
                               number(input)});
  const auto kept = std::get<data::Objects>(data::transformed(geometry, objects));
  require(kept.height == geometry.window.height && kept.width == geometry.window.width);
  check(kept);
  data::LabelMap map{image[0], image[1], {}};
  map.classes.resize(static_cast<size_t>(image[0] * image[1]));
  for (uint16_t& value : map.classes)
    value = input.below(8) == 0 ? data::LabelMap::kIgnored : input.byte();
  const auto moved = std::get<data::LabelMap>(data::transformed(geometry, map));
  require(std::ssize(moved.classes) == geometry.window.height * geometry.window.width);
  const double ratio = data::largest_class_ratio(geometry, map);
  require(ratio > 0 && ratio <= 1);
  return 0;
}
