#include "autograd/kernels/roi_sampling.h"

#include <algorithm>
#include <cmath>

#include "base/parallel.h"

namespace swin::autograd::kernels {
namespace {

// The points of one axis of a region, in pixels of a map with `length` of them.
struct Points {
  double start = 0, bin = 0;
  double count = 0;  // in a bin; 0: there are none
  int64_t length = 0;

  Points(double low, double high, const RoiMap& map, int64_t map_length, int64_t size,
         int64_t sampling_ratio, bool aligned)
      : length(map_length) {
    const double offset = aligned ? 0.5 : 0;
    start = low * map.scale - offset;
    double extent = high * map.scale - offset - start;
    if (!aligned) extent = std::max(extent, 1.0);
    bin = extent / static_cast<double>(size);
    count = sampling_ratio > 0 ? static_cast<double>(sampling_ratio) : std::ceil(bin);
    // Beyond this the points are too close to tell apart, and such a box is no box.
    constexpr double kMost = 1e15;
    if (!(std::abs(start) < kMost && std::abs(bin) < kMost && count >= 1)) count = 0;
  }

  double place(int64_t i, double point) const {
    return start + static_cast<double>(i) * bin + (point + 0.5) * bin / count;
  }

  // Calls f(pixel, weight) for the pixels of the points of bin i, in order of the points; twice for
  // a point between two pixels.
  template <class F>
  void for_pixels(int64_t i, F&& f) const {
    if (count == 0 || length == 0) return;
    // Of many points most may be outside of the map.
    double begin = 0, end = count;
    if (bin > 0) {
      const double origin = start + static_cast<double>(i) * bin, step = bin / count;
      begin = std::max(begin, std::floor((-1 - origin) / step) - 2);
      end = std::min(end, std::ceil((static_cast<double>(length) - origin) / step) + 2);
    }
    const double share = 1 / count;
    for (double point = begin; point < end; ++point) {
      double at = place(i, point);
      if (at < -1 || at > static_cast<double>(length)) continue;
      at = std::max(at, 0.0);
      const auto pixel = static_cast<int64_t>(at);
      if (pixel >= length - 1) {
        f(length - 1, share);
        continue;
      }
      const double next = at - static_cast<double>(pixel);
      f(pixel, share * (1 - next));
      if (next > 0) f(pixel + 1, share * next);
    }
  }
};

}  // namespace

RoiWeights roi_weights(const std::vector<Roi>& rois, const std::vector<RoiMap>& maps, int64_t size,
                       int64_t sampling_ratio, bool aligned) {
  const int64_t axes = 2 * std::ssize(rois);
  const auto points = [&](int64_t axis) {
    const Roi& roi = rois[static_cast<size_t>(axis / 2)];
    const RoiMap& map = maps[static_cast<size_t>(roi.map)];
    return axis % 2 == 0 ? Points(roi.y1, roi.y2, map, map.height, size, sampling_ratio, aligned)
                         : Points(roi.x1, roi.x2, map, map.width, size, sampling_ratio, aligned);
  };
  RoiWeights result;
  result.begin.resize(static_cast<size_t>(axes * size + 1));
  result.first.resize(static_cast<size_t>(axes * size));
  constexpr int64_t kAxesPerTile = 16;
  base::parallel_ranges(axes, kAxesPerTile, [&](int64_t from, int64_t to) {
    for (int64_t axis = from; axis < to; ++axis) {
      const Points of = points(axis);
      for (int64_t i = 0; i < size; ++i) {
        int64_t low = of.length, high = -1;
        of.for_pixels(i, [&](int64_t pixel, double) {
          low = std::min(low, pixel);
          high = std::max(high, pixel);
        });
        const auto k = static_cast<size_t>(axis * size + i);
        result.first[k] = static_cast<int32_t>(high < 0 ? 0 : low);
        result.begin[k + 1] = high < 0 ? 0 : high - low + 1;
      }
    }
  });
  for (size_t k = 1; k < result.begin.size(); ++k) result.begin[k] += result.begin[k - 1];
  result.weights.resize(static_cast<size_t>(result.begin.back()));
  base::parallel_ranges(axes, kAxesPerTile, [&](int64_t from, int64_t to) {
    std::vector<double> sums;
    for (int64_t axis = from; axis < to; ++axis) {
      const Points of = points(axis);
      for (int64_t i = 0; i < size; ++i) {
        const auto k = static_cast<size_t>(axis * size + i);
        sums.assign(static_cast<size_t>(result.begin[k + 1] - result.begin[k]), 0);
        of.for_pixels(i, [&](int64_t pixel, double weight) {
          sums[static_cast<size_t>(pixel - result.first[k])] += weight;
        });
        std::transform(sums.begin(), sums.end(), result.weights.begin() + result.begin[k],
                       [](double sum) { return static_cast<real>(sum); });
      }
    }
  });
  return result;
}

}  // namespace swin::autograd::kernels
