#include "tasks/detection/box_coder.h"

#include <algorithm>
#include <cmath>

namespace swin::tasks {
namespace {

struct Extent {
  double center_x, center_y, width, height;
};

Extent extent_of(const data::BoundingBox& box) {
  const double width = box.x2 - box.x1, height = box.y2 - box.y1;
  return {box.x1 + .5 * width, box.y1 + .5 * height, width, height};
}

}  // namespace

std::array<double, 4> BoxCoder::encode(const data::BoundingBox& truth,
                                       const data::BoundingBox& box) const {
  const Extent to = extent_of(truth), from = extent_of(box);
  return {weights[0] * (to.center_x - from.center_x) / from.width,
          weights[1] * (to.center_y - from.center_y) / from.height,
          weights[2] * std::log(to.width / from.width),
          weights[3] * std::log(to.height / from.height)};
}

data::BoundingBox BoxCoder::decode(const std::array<double, 4>& deltas,
                                   const data::BoundingBox& box) const {
  static const double kMost = std::log(1000. / 16);
  const auto growth = [&](double delta) {
    delta = std::min(delta, kMost);
    return std::exp(clamp_below ? std::max(delta, -kMost) : delta);
  };
  const Extent from = extent_of(box);
  const double center_x = deltas[0] / weights[0] * from.width + from.center_x;
  const double center_y = deltas[1] / weights[1] * from.height + from.center_y;
  const double half_width = .5 * (growth(deltas[2] / weights[2]) * from.width);
  const double half_height = .5 * (growth(deltas[3] / weights[3]) * from.height);
  return {center_x - half_width, center_y - half_height, center_x + half_width,
          center_y + half_height};
}

}  // namespace swin::tasks
