#include "tasks/detection/paste.h"

#include <algorithm>
#include <cmath>
#include <string>

#include "base/errors.h"

namespace swin::tasks {
namespace {

/// What a pixel of an axis is interpolated from: two places of the mask and their weights, 0 for
/// places outside of it.
struct Taps {
  size_t first = 0, second = 0;
  double first_weight = 0, second_weight = 0;
};

Taps taps_of(int64_t first, double fraction, int64_t side) {
  Taps taps;
  if (first >= 0 && first < side) {
    taps.first = static_cast<size_t>(first);
    taps.first_weight = 1 - fraction;
  }
  if (first + 1 >= 0 && first + 1 < side) {
    taps.second = static_cast<size_t>(first + 1);
    taps.second_weight = fraction;
  }
  return taps;
}

/// The pixels of an axis that the mask may reach: from `begin` on.
struct Axis {
  int64_t begin = 0;
  std::vector<Taps> pixels;
  int64_t end() const { return begin + std::ssize(pixels); }
};

/// A whole number of pixels, also where a box is far outside or not a number.
int64_t whole(double x) { return static_cast<int64_t>(std::min(std::max(-1e9, x), 1e9)); }

/// mmdetection: fcn_mask_head.py, _do_paste_mask.
Axis sampled_axis(double low, double high, int64_t pixels, int64_t side) {
  Axis axis;
  axis.begin = std::clamp(whole(std::floor(low)) - 1, int64_t{0}, pixels);
  const int64_t end = std::clamp(whole(std::ceil(high)) + 1, axis.begin, pixels);
  for (int64_t i = axis.begin; i < end; ++i) {
    double place = (static_cast<double>(i) + .5 - low) / (high - low);
    if (!std::isfinite(place)) place = .5;  // a box without this side shows the mask's center
    place = place * static_cast<double>(side) - .5;
    const double first = std::floor(std::clamp(place, -2., static_cast<double>(side)));
    axis.pixels.push_back(taps_of(static_cast<int64_t>(first), place - first, side));
  }
  return axis;
}

/// torchvision: models/detection/roi_heads.py, paste_mask_in_image.
Axis resized_axis(double low, double high, int64_t pixels, int64_t side) {
  const int64_t padded = side + 2;
  const double half = (high - low) * .5 * (static_cast<double>(padded) / static_cast<double>(side));
  const double center = (high + low) * .5;
  const int64_t first = whole(center - half), last = whole(center + half);  // toward zero
  const int64_t length = std::max<int64_t>(last - first + 1, 1);
  Axis axis;
  axis.begin = std::clamp(first, int64_t{0}, pixels);
  const int64_t end = std::clamp(last + 1, axis.begin, pixels);
  const double scale = static_cast<double>(padded) / static_cast<double>(length);
  for (int64_t i = axis.begin; i < end; ++i) {
    const double place = std::max((static_cast<double>(i - first) + .5) * scale - .5, 0.);
    const auto at = std::min(static_cast<int64_t>(place), padded - 1);
    axis.pixels.push_back(taps_of(at - 1, place - static_cast<double>(at), side));
  }
  return axis;
}

/// The part of an image that a mask may reach.
class Window {
 public:
  Window(std::span<const double> mask, int64_t side, const data::BoundingBox& box,
         const base::Size2& image, const Rules& rules)
      : mask_(mask), side_(static_cast<size_t>(side)) {
    if (std::ssize(mask) != side * side)
      throw base::InternalError("mask", "found " + std::to_string(mask.size()) +
                                            " values, expected " + base::size_text(side, side));
    const auto axis_of = rules.pastes_by_sampling ? sampled_axis : resized_axis;
    rows_ = axis_of(box.y1, box.y2, image[0], side);
    columns_ = axis_of(box.x1, box.x2, image[1], side);
  }

  const Axis& rows() const { return rows_; }
  const Axis& columns() const { return columns_; }

  double operator()(size_t row, size_t column) const {
    const Taps &y = rows_.pixels[row], &x = columns_.pixels[column];
    const double *upper = &mask_[y.first * side_], *lower = &mask_[y.second * side_];
    return y.first_weight * (x.first_weight * upper[x.first] + x.second_weight * upper[x.second]) +
           y.second_weight * (x.first_weight * lower[x.first] + x.second_weight * lower[x.second]);
  }

 private:
  std::span<const double> mask_;
  size_t side_;
  Axis rows_, columns_;
};

}  // namespace

data::RunLengths paste(std::span<const double> mask, int64_t side, const data::BoundingBox& box,
                       const base::Size2& image, const Rules& rules) {
  const Window window(mask, side, box, image, rules);
  const auto [height, width] = image;
  const Axis &rows = window.rows(), &columns = window.columns();
  data::RunLengths runs{height, width, {0}};
  bool inside = false;
  const auto add = [&](bool in, int64_t pixels) {
    if (pixels == 0) return;
    if (in != inside) runs.counts.push_back(0);
    inside = in;
    runs.counts.back() += static_cast<uint32_t>(pixels);
  };
  add(false, columns.begin * height);
  for (size_t x = 0; x < columns.pixels.size(); ++x) {
    add(false, rows.begin);
    for (size_t y = 0; y < rows.pixels.size(); ++y) {
      const double value = window(y, x);
      add(rules.half_is_inside ? value >= .5 : value > .5, 1);
    }
    add(false, height - rows.end());
  }
  add(false, (width - columns.end()) * height);
  return runs;
}

std::vector<double> paste_probabilities(std::span<const double> mask, int64_t side,
                                        const data::BoundingBox& box, const base::Size2& image,
                                        const Rules& rules) {
  const Window window(mask, side, box, image, rules);
  const Axis &rows = window.rows(), &columns = window.columns();
  std::vector<double> all(static_cast<size_t>(image[0] * image[1]));
  for (size_t y = 0; y < rows.pixels.size(); ++y)
    for (size_t x = 0; x < columns.pixels.size(); ++x)
      all[(static_cast<size_t>(rows.begin) + y) * static_cast<size_t>(image[1]) +
          static_cast<size_t>(columns.begin) + x] = window(y, x);
  return all;
}

}  // namespace swin::tasks
