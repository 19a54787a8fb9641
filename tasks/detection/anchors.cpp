#include "tasks/detection/anchors.h"

#include <algorithm>
#include <cmath>

#include "base/integer.h"

namespace swin::tasks {
namespace {

double stride_of(const AnchorOptions& options, int64_t level) {
  return static_cast<double>(options.first_stride << level);
}

}  // namespace

std::vector<data::BoundingBox> anchors(const AnchorOptions& options, int64_t level,
                                       const base::Size2& map, const base::Size2& padded_image) {
  const Rules& rule = rules(options.convention);
  // Under the default rounding mode nearbyint rounds half to even, as torch.round does.
  const auto corner = [&](double x) { return rule.rounds_anchors ? std::nearbyint(x) : x; };
  std::vector<data::BoundingBox> base;
  for (const double ratio : options.ratios)
    for (const double size : options.sizes[static_cast<size_t>(level)]) {
      const double width = 1 / std::sqrt(ratio) * size, height = std::sqrt(ratio) * size;
      base.push_back(
          {corner(-width / 2), corner(-height / 2), corner(width / 2), corner(height / 2)});
    }
  double stride_y = stride_of(options, level), stride_x = stride_y;
  if (rule.strides_from_maps) {
    stride_y = static_cast<double>(padded_image[0] / map[0]);
    stride_x = static_cast<double>(padded_image[1] / map[1]);
  }
  std::vector<data::BoundingBox> all;
  all.reserve(static_cast<size_t>(map[0] * map[1]) * base.size());
  for (int64_t row = 0; row < map[0]; ++row)
    for (int64_t column = 0; column < map[1]; ++column) {
      const double y = static_cast<double>(row) * stride_y,
                   x = static_cast<double>(column) * stride_x;
      for (const data::BoundingBox& box : base)
        all.push_back({x + box.x1, y + box.y1, x + box.x2, y + box.y2});
    }
  return all;
}

std::vector<uint8_t> valid_anchors(const AnchorOptions& options, int64_t level,
                                   const base::Size2& map, const base::Size2& own_size) {
  base::Size2 valid = map;
  if (rules(options.convention).anchors_within_own_size)
    for (size_t axis : {0, 1})
      valid[axis] =
          std::min(map[axis], base::divide_up(own_size[axis], options.first_stride << level));
  std::vector<uint8_t> all;
  const auto per_place = static_cast<size_t>(options.per_place(level));
  all.reserve(static_cast<size_t>(map[0] * map[1]) * per_place);
  for (int64_t row = 0; row < map[0]; ++row)
    for (int64_t column = 0; column < map[1]; ++column)
      all.insert(all.end(), per_place, row < valid[0] && column < valid[1] ? 1 : 0);
  return all;
}

}  // namespace swin::tasks
