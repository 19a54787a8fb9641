#include "tasks/detection/matcher.h"

#include <algorithm>

#include "tasks/detection/boxes.h"

namespace swin::tasks {
namespace {

struct Best {
  double iou = 0;
  int32_t object = 0;  // the first of those with the highest IoU
};

constexpr size_t kBlock = 64;

data::BoundingBox united(std::span<const data::BoundingBox> boxes) {
  data::BoundingBox all = boxes[0];
  for (const data::BoundingBox& box : boxes)
    all = {std::min(all.x1, box.x1), std::min(all.y1, box.y1), std::max(all.x2, box.x2),
           std::max(all.y2, box.y2)};
  return all;
}

}  // namespace

std::vector<int32_t> match(std::span<const data::BoundingBox> truth,
                           std::span<const data::BoundingBox> boxes, const MatchOptions& options,
                           const Rules& rules) {
  std::vector<int32_t> matches(boxes.size(), kBackground);
  if (truth.empty()) return matches;

  // The matrix of all IoUs, 200 MB in a large image, is not stored, and most of it not computed:
  // consecutive anchors lie side by side, so that an object misses most blocks of them.
  std::vector<Best> best(boxes.size());
  std::vector<double> highest(truth.size());
  std::vector<std::vector<size_t>> with_highest(truth.size());  // the boxes that have it
  for (size_t begin = 0; begin < boxes.size(); begin += kBlock) {
    const size_t end = std::min(begin + kBlock, boxes.size());
    const data::BoundingBox around = united(boxes.subspan(begin, end - begin));
    for (size_t g = 0; g < truth.size(); ++g) {
      if (!meet(truth[g], around)) continue;
      for (size_t b = begin; b < end; ++b) {
        const double value = iou(truth[g], boxes[b], rules);
        if (value <= 0) continue;
        if (value > best[b].iou) best[b] = {value, static_cast<int32_t>(g)};
        if (value > highest[g]) {
          highest[g] = value;
          with_highest[g].clear();
        }
        if (value == highest[g]) with_highest[g].push_back(b);
      }
    }
  }

  for (size_t b = 0; b < boxes.size(); ++b)
    if (best[b].iou >= options.low)
      matches[b] = best[b].iou >= options.high ? best[b].object : kIgnored;
  if (!options.low_quality) return matches;
  for (size_t g = 0; g < truth.size(); ++g) {
    if (rules.low_quality_takes_anchor && highest[g] < options.minimum) continue;
    for (const size_t b : with_highest[g])
      matches[b] = rules.low_quality_takes_anchor ? static_cast<int32_t>(g) : best[b].object;
  }
  return matches;
}

}  // namespace swin::tasks
