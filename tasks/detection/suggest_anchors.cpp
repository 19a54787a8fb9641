#include "tasks/detection/suggest_anchors.h"

#include <algorithm>
#include <cmath>
#include <tuple>

namespace swin::tasks {
namespace {

/// The IoU of an object with the best placed anchor of a shape: the one whose center is nearest
/// along both axes.
double iou_with(const data::BoundingBox& object, double width, double height, double stride) {
  const auto common = [&](double low, double high, double side) {
    const double center = (low + high) / 2;
    const double offset = std::abs(center - std::max(std::nearbyint(center / stride), 0.) * stride);
    return std::max(std::min({side, high - low, (side + high - low) / 2 - offset}), 0.);
  };
  const double both = common(object.x1, object.x2, width) * common(object.y1, object.y2, height);
  return both > 0 ? both / (object.area() + width * height - both) : 0;
}

double best_iou(const data::BoundingBox& object, double size, const std::vector<double>& ratios,
                double stride) {
  double best = 0;
  for (const double ratio : ratios)
    best =
        std::max(best, iou_with(object, size / std::sqrt(ratio), size * std::sqrt(ratio), stride));
  return best;
}

double stride_of(const AnchorOptions& options, size_t level) {
  return static_cast<double>(options.first_stride << level);
}

/// What is to be as large as possible.
struct Fit {
  int64_t at_least_half = 0;
  double sum = 0;
  void add(double iou) {
    at_least_half += iou >= .5;
    sum += iou;
  }
  bool operator>(const Fit& other) const {
    return std::tie(at_least_half, sum) > std::tie(other.at_least_half, other.sum);
  }
};

}  // namespace

AnchorFit anchor_fit(std::span<const data::BoundingBox> objects, const AnchorOptions& options) {
  AnchorFit fit;
  fit.objects = std::ssize(objects);
  fit.of_level.resize(options.sizes.size());
  if (objects.empty()) return fit;
  int64_t half = 0, seven_tenths = 0;
  double sum = 0;
  for (const data::BoundingBox& object : objects) {
    double best = 0;
    size_t best_level = 0;
    for (size_t level = 0; level < options.sizes.size(); ++level)
      for (const double size : options.sizes[level]) {
        const double iou = best_iou(object, size, options.ratios, stride_of(options, level));
        if (iou <= best) continue;
        best = iou;
        best_level = level;
      }
    half += best >= .5;
    seven_tenths += best >= .7;
    sum += best;
    if (best > 0) ++fit.of_level[best_level];
  }
  const auto count = static_cast<double>(fit.objects);
  fit.at_least_half = static_cast<double>(half) / count;
  fit.at_least_seven_tenths = static_cast<double>(seven_tenths) / count;
  fit.mean_iou = sum / count;
  return fit;
}

AnchorOptions suggest_anchors(std::span<const data::BoundingBox> all, AnchorOptions options) {
  if (all.empty()) return options;
  constexpr size_t kMost = 4000;
  const size_t step = (all.size() + kMost - 1) / kMost;
  std::vector<data::BoundingBox> objects;
  for (size_t i = 0; i < all.size(); i += step) objects.push_back(all[i]);

  // Candidates: whole sizes, at least an eighth of an octave apart, of the range of the objects.
  double smallest = 1e9, largest = 0;
  for (const data::BoundingBox& object : objects) {
    const double size = std::sqrt(std::max(object.area(), 1.));
    smallest = std::min(smallest, size);
    largest = std::max(largest, size);
  }
  std::vector<double> candidates;
  for (double size = smallest; size < largest * 1.1; size *= std::exp2(.125)) {
    const double whole = std::max(std::nearbyint(size), 1.);
    if (candidates.empty() || whole > candidates.back()) candidates.push_back(whole);
  }

  struct Slot {
    size_t level;
    double stride, size;
    std::vector<double> ious;  // of its anchors with each object
  };
  std::vector<Slot> slots;
  const auto set = [&](Slot& slot, double size) {
    slot.size = size;
    slot.ious.clear();
    for (const data::BoundingBox& object : objects)
      slot.ious.push_back(best_iou(object, size, options.ratios, slot.stride));
  };
  for (size_t level = 0; level < options.sizes.size(); ++level) {
    const size_t count = options.sizes[level].size();
    for (size_t i = 0; i < count; ++i) {
      slots.push_back({level, stride_of(options, level), 0, {}});
      const double octaves = static_cast<double>(i) / static_cast<double>(count);
      set(slots.back(), std::nearbyint(8 * slots.back().stride * std::exp2(octaves)));
    }
  }

  const auto fit_with = [&](const Slot& slot, const auto& iou_of) {
    Fit fit;
    for (size_t i = 0; i < objects.size(); ++i) {
      double best = iou_of(i);
      for (const Slot& other : slots)
        if (&other != &slot) best = std::max(best, other.ious[i]);
      fit.add(best);
    }
    return fit;
  };
  bool changed = true;
  for (int round = 0; changed && round < 10; ++round) {
    changed = false;
    for (Slot& slot : slots) {
      Fit best = fit_with(slot, [&](size_t i) { return slot.ious[i]; });
      double best_size = slot.size;
      for (const double size : candidates) {
        if (size < 2 * slot.stride) continue;  // would leave gaps
        const Fit fit = fit_with(slot, [&](size_t i) {
          return best_iou(objects[i], size, options.ratios, slot.stride);
        });
        if (!(fit > best)) continue;
        best = fit;
        best_size = size;
      }
      if (best_size == slot.size) continue;
      set(slot, best_size);
      changed = true;
    }
  }
  for (std::vector<double>& sizes : options.sizes) sizes.clear();
  for (const Slot& slot : slots) options.sizes[slot.level].push_back(slot.size);
  for (std::vector<double>& sizes : options.sizes) std::sort(sizes.begin(), sizes.end());
  return options;
}

}  // namespace swin::tasks
