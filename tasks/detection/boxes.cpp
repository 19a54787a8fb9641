#include "tasks/detection/boxes.h"

#include <algorithm>
#include <cmath>
#include <map>
#include <numeric>
#include <string>

#include "base/errors.h"

namespace swin::tasks {
namespace {

using data::BoundingBox;

constexpr char kWhere[] = "detection", kRemedy[] = "lower optimizer.lr, or check the weights";

double intersection(const BoundingBox& a, const BoundingBox& b) {
  const double width = std::min(a.x2, b.x2) - std::max(a.x1, b.x1);
  const double height = std::min(a.y2, b.y2) - std::max(a.y1, b.y1);
  return width > 0 && height > 0 ? width * height : 0;
}

template <class T>
void check_scores(std::span<const T> scores) {
  for (size_t i = 0; i < scores.size(); ++i)
    if (std::isnan(scores[i]))
      throw base::DivergedError(kWhere,
                                "found score " + std::to_string(i) + " of " +
                                    std::to_string(scores.size()) + " not to be a number",
                                kRemedy);
}

template <class T>
std::vector<int64_t> best(std::span<const T> scores, int64_t k) {
  check_scores(scores);
  std::vector<int64_t> order(scores.size());
  std::iota(order.begin(), order.end(), int64_t{0});
  const auto before = [&](int64_t a, int64_t b) {
    const T first = scores[static_cast<size_t>(a)], second = scores[static_cast<size_t>(b)];
    return first > second || (first == second && a < b);
  };
  k = std::clamp(k, int64_t{0}, std::ssize(order));
  std::nth_element(order.begin(), order.begin() + k, order.end(), before);
  order.resize(static_cast<size_t>(k));
  std::sort(order.begin(), order.end(), before);
  return order;
}

/// Of `order`, a group's boxes by falling score, those that are kept.
std::vector<int64_t> suppress(std::span<const BoundingBox> boxes, const std::vector<int64_t>& order,
                              double threshold) {
  std::vector<int64_t> kept;
  std::vector<BoundingBox> of_kept;
  std::vector<double> areas;
  for (const int64_t index : order) {
    const BoundingBox& box = boxes[static_cast<size_t>(index)];
    const double area = box.area();
    bool dropped = false;
    for (size_t k = 0; k < kept.size() && !dropped; ++k) {
      const double common = intersection(of_kept[k], box);
      dropped = common > 0 && common / (areas[k] + area - common) > threshold;
    }
    if (dropped) continue;
    kept.push_back(index);
    of_kept.push_back(box);
    areas.push_back(area);
  }
  return kept;
}

}  // namespace

double iou(const BoundingBox& a, const BoundingBox& b, const Rules& rules) {
  const double common = intersection(a, b);
  if (common <= 0) return 0;
  return common / std::max(a.area() + b.area() - common, rules.least_union);
}

std::vector<double> iou_matrix(std::span<const BoundingBox> truth,
                               std::span<const BoundingBox> boxes, const Rules& rules) {
  std::vector<double> matrix;
  matrix.reserve(truth.size() * boxes.size());
  for (const BoundingBox& object : truth)
    for (const BoundingBox& box : boxes) matrix.push_back(iou(object, box, rules));
  return matrix;
}

std::vector<int64_t> top_k(std::span<const float> scores, int64_t k) { return best(scores, k); }
std::vector<int64_t> top_k(std::span<const double> scores, int64_t k) { return best(scores, k); }

std::vector<int64_t> nms(std::span<const BoundingBox> boxes, std::span<const double> scores,
                         double threshold) {
  return nms(boxes, scores, std::vector<int64_t>(boxes.size()), threshold);
}

std::vector<int64_t> nms(std::span<const BoundingBox> boxes, std::span<const double> scores,
                         std::span<const int64_t> groups, double threshold) {
  if (scores.size() != boxes.size() || groups.size() != boxes.size())
    throw base::InternalError(kWhere, "found " + std::to_string(scores.size()) + " scores and " +
                                          std::to_string(groups.size()) + " groups of " +
                                          std::to_string(boxes.size()) + " boxes");
  for (size_t i = 0; i < boxes.size(); ++i)
    if (!std::isfinite(boxes[i].x1) || !std::isfinite(boxes[i].y1) || !std::isfinite(boxes[i].x2) ||
        !std::isfinite(boxes[i].y2))
      throw base::DivergedError(kWhere,
                                "found box " + std::to_string(i) + " of " +
                                    std::to_string(boxes.size()) + " not to be finite",
                                kRemedy);
  const std::vector<int64_t> order = top_k(scores, std::ssize(scores));
  std::map<int64_t, std::vector<int64_t>> of_group;
  for (const int64_t index : order) of_group[groups[static_cast<size_t>(index)]].push_back(index);
  std::vector<bool> is_kept(boxes.size());
  for (const auto& [group, members] : of_group)
    for (const int64_t index : suppress(boxes, members, threshold))
      is_kept[static_cast<size_t>(index)] = true;
  std::vector<int64_t> kept;
  for (const int64_t index : order)
    if (is_kept[static_cast<size_t>(index)]) kept.push_back(index);
  return kept;
}

BoundingBox clipped(const BoundingBox& box, const base::Size2& image) {
  const auto height = static_cast<double>(image[0]), width = static_cast<double>(image[1]);
  return {std::clamp(box.x1, 0., width), std::clamp(box.y1, 0., height),
          std::clamp(box.x2, 0., width), std::clamp(box.y2, 0., height)};
}

bool has_sides(const BoundingBox& box, double least) {
  return box.x2 - box.x1 >= least && box.y2 - box.y1 >= least;
}

int64_t roi_level(const BoundingBox& box, int64_t levels, const Rules& rules) {
  const double side = std::sqrt(std::max(box.area(), 0.));
  const double level = rules.level_from_finest_scale ? std::log2(side / 56 + 1e-6)
                                                     : 2 + std::log2(side / 224) + 1e-6;
  // Below 1, which an empty region's −∞ is, too, whatever it is rounded to.
  if (!(level >= 1)) return 0;
  return static_cast<int64_t>(std::min(level, static_cast<double>(levels - 1)));
}

}  // namespace swin::tasks
