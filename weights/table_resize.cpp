#include "weights/table_resize.h"

#include <algorithm>
#include <cmath>

#include "base/errors.h"

namespace swin::weights {

namespace {

/// Resizing one axis is a sparse matrix: row i lists the source elements whose weighted sum is
/// element i of the result.
struct Tap {
  int64_t index = 0;
  double weight = 0;
};
using Taps = std::vector<std::vector<Tap>>;

/// Keys' cubic convolution kernel (1981, equation 4) for the slope `a`.
double cubic(double x, double a) {
  x = std::abs(x);
  if (x < 1) return ((a + 2) * x - (a + 3)) * x * x + 1;
  if (x < 2) return ((a * x - 5 * a) * x + 8 * a) * x - 4 * a;
  return 0;
}

Taps bicubic_taps(int64_t from, int64_t to) {
  Taps taps(static_cast<size_t>(to));
  const double scale = static_cast<double>(from) / static_cast<double>(to);
  for (int64_t i = 0; i < to; ++i) {
    const double center = (static_cast<double>(i) + 0.5) * scale - 0.5;
    const double left = std::floor(center);
    for (int64_t k = -1; k <= 2; ++k) {
      const int64_t index = std::clamp<int64_t>(static_cast<int64_t>(left) + k, 0, from - 1);
      taps[static_cast<size_t>(i)].push_back(
          {index, cubic(center - left - static_cast<double>(k), -0.75)});
    }
  }
  return taps;
}

Taps antialias_taps(int64_t from, int64_t to) {
  Taps taps(static_cast<size_t>(to));
  const double scale = static_cast<double>(from) / static_cast<double>(to);
  const double width = std::max(scale, 1.0);
  for (int64_t i = 0; i < to; ++i) {
    std::vector<Tap>& row = taps[static_cast<size_t>(i)];
    const double center = (static_cast<double>(i) + 0.5) * scale;
    const int64_t first = std::max<int64_t>(0, static_cast<int64_t>(center - 2 * width + 0.5));
    const int64_t end = std::min<int64_t>(from, static_cast<int64_t>(center + 2 * width + 0.5));
    double sum = 0;
    for (int64_t j = first; j < end; ++j) {
      const double weight = cubic((static_cast<double>(j) + 0.5 - center) / width, -0.5);
      row.push_back({j, weight});
      sum += weight;
    }
    for (Tap& tap : row) tap.weight /= sum;
  }
  return taps;
}

/// The positions of the source's elements, in units of the result's spacing: 0, ±1, ±(1 + q),
/// ±(1 + q + q²) …, with the q that moves the outermost to the edge of the result. Bisection finds
/// q, as in timm.
std::vector<double> geometric_positions(int64_t from, int64_t to) {
  const int64_t half = from / 2;
  double left = 1.01, right = 1.5, q = right;
  while (right - left > 1e-6) {
    q = (left + right) / 2;
    double power = 1;
    for (int64_t i = 0; i < half; ++i) power *= q;
    if ((1 - power) / (1 - q) > static_cast<double>(to / 2))
      right = q;
    else
      left = q;
  }
  std::vector<double> positions(static_cast<size_t>(from));
  double position = 1, power = 1;
  for (int64_t i = 1; i <= half; ++i) {
    positions[static_cast<size_t>(half + i)] = position;
    positions[static_cast<size_t>(half - i)] = -position;
    power *= q;
    position += power;
  }
  return positions;
}

Taps geometric_taps(int64_t from, int64_t to) {
  const std::vector<double> positions = geometric_positions(from, to);
  Taps taps(static_cast<size_t>(to));
  for (int64_t i = 0; i < to; ++i) {
    const double x = static_cast<double>(i - to / 2);
    const auto right = std::lower_bound(positions.begin(), positions.end(), x);
    std::vector<Tap>& row = taps[static_cast<size_t>(i)];
    if (right == positions.begin() ||
        right == positions.end()) {  // beyond the last position: its value
      row.push_back({right == positions.begin() ? 0 : from - 1, 1});
      continue;
    }
    const int64_t index = right - positions.begin();
    const double low = *(right - 1), share = (x - low) / (*right - low);
    row.push_back({index - 1, 1 - share});
    row.push_back({index, share});
  }
  return taps;
}

Taps taps_of(int64_t from, int64_t to, GridResize method) {
  switch (method) {
    case GridResize::bicubic:
      return bicubic_taps(from, to);
    case GridResize::bicubic_antialias:
      return antialias_taps(from, to);
    case GridResize::geometric:
      return geometric_taps(from, to);
  }
  return {};
}

/// (outer, axis, inner) → (outer, taps.size(), inner).
std::vector<double> along_axis(std::span<const double> values, int64_t outer, int64_t axis,
                               int64_t inner, const Taps& taps) {
  const int64_t length = static_cast<int64_t>(taps.size());
  std::vector<double> result(static_cast<size_t>(outer * length * inner));
  for (int64_t o = 0; o < outer; ++o)
    for (int64_t i = 0; i < length; ++i) {
      double* to = result.data() + (o * length + i) * inner;
      for (const Tap& tap : taps[static_cast<size_t>(i)]) {
        const double* from = values.data() + (o * axis + tap.index) * inner;
        for (int64_t c = 0; c < inner; ++c) to[c] += tap.weight * from[c];
      }
    }
  return result;
}

}  // namespace

std::vector<double> resize_grid(std::span<const double> grid, Size2 from, Size2 to,
                                int64_t channels, GridResize method) {
  if (static_cast<int64_t>(grid.size()) != from[0] * from[1] * channels)
    throw base::InternalError("resize_grid", "found " + std::to_string(grid.size()) +
                                                 " values, expected height × width × channels");
  const std::vector<double> columns =
      along_axis(grid, from[0], from[1], channels, taps_of(from[1], to[1], method));
  return along_axis(columns, 1, from[0], to[1] * channels, taps_of(from[0], to[0], method));
}

}  // namespace swin::weights
