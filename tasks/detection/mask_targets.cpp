#include "tasks/detection/mask_targets.h"

#include <algorithm>
#include <cmath>
#include <string>

#include "base/errors.h"
#include "tasks/detection/boxes.h"

namespace swin::tasks {
namespace {

/// The part that a pixel of an axis has in a bin.
struct Share {
  int64_t pixel;
  double weight;
};

/// The bins of RoIAlign along one axis. Its samples lie on a grid, so that a bin's mean is the
/// product of the shares of both axes.
std::vector<std::vector<Share>> bins_of(double begin, double end, int64_t pixels, int64_t side,
                                        bool aligned) {
  const double start = begin - (aligned ? .5 : 0);
  const double length = aligned ? end - begin : std::max(end - begin, 1.);
  const double bin = length / static_cast<double>(side);
  const int64_t samples = bin > 0 ? static_cast<int64_t>(std::ceil(bin)) : 0;
  std::vector<std::vector<Share>> bins(static_cast<size_t>(side));
  for (int64_t i = 0; i < side; ++i) {
    std::vector<Share>& shares = bins[static_cast<size_t>(i)];
    const auto add = [&](int64_t pixel, double weight) {
      weight /= static_cast<double>(samples);
      if (!shares.empty() && shares.back().pixel == pixel)
        shares.back().weight += weight;
      else
        shares.push_back({pixel, weight});
    };
    for (int64_t s = 0; s < samples; ++s) {
      double at = start + static_cast<double>(i) * bin +
                  (static_cast<double>(s) + .5) * bin / static_cast<double>(samples);
      if (!(at >= -1 && at <= static_cast<double>(pixels))) continue;
      at = std::max(at, 0.);
      const auto low = static_cast<int64_t>(at);
      if (low >= pixels - 1) {
        add(pixels - 1, 1);
        continue;
      }
      const double fraction = at - static_cast<double>(low);
      add(low, 1 - fraction);
      add(low + 1, fraction);
    }
  }
  return bins;
}

}  // namespace

std::vector<double> mask_target(std::span<const uint8_t> pixels, const base::Size2& image,
                                const data::BoundingBox& box, int64_t side, const Rules& rules) {
  const auto [height, width] = image;
  if (std::ssize(pixels) != height * width)
    throw base::InternalError("mask target", "found " + std::to_string(pixels.size()) +
                                                 " pixels, expected " + base::size_text(image));
  const data::BoundingBox region = rules.binary_mask_targets ? clipped(box, image) : box;
  const bool aligned = rules.binary_mask_targets;
  const auto rows = bins_of(region.y1, region.y2, height, side, aligned);
  const auto columns = bins_of(region.x1, region.x2, width, side, aligned);

  std::vector<double> target(static_cast<size_t>(side * side));
  for (size_t y = 0; y < rows.size(); ++y) {
    double* out = target.data() + y * rows.size();
    for (const auto& [row, row_weight] : rows[y]) {
      const uint8_t* line = pixels.data() + row * width;
      for (size_t x = 0; x < columns.size(); ++x)
        for (const auto& [column, weight] : columns[x])
          out[x] += row_weight * weight * line[column];
    }
  }
  // Where half of a bin is covered, the sum of shares may round below it.
  if (rules.binary_mask_targets)
    for (double& value : target) value = value >= .5 - 1e-9 ? 1 : 0;
  return target;
}

}  // namespace swin::tasks
