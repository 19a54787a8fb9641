#include "autograd/kernels/window_layout.h"

#include <algorithm>
#include <cmath>

namespace swin::autograd {
namespace {

// Calls f(row, column) of the rolled map for every token of every window, both in row-major order.
template <class F>
void for_window_tokens(const WindowLayout& w, F&& f) {
  for (int64_t top = 0; top < w.padded[0]; top += w.window[0])
    for (int64_t left = 0; left < w.padded[1]; left += w.window[1])
      for (int64_t i = top; i < top + w.window[0]; ++i)
        for (int64_t j = left; j < left + w.window[1]; ++j) f(i, j);
}

// The regions of the published mask along one axis: 0 before the last window, 1 for the part of the
// last window that the roll left in place, 2 for the part that it moved across the edge.
int32_t region(int64_t i, int64_t side, int64_t window, int64_t shift) {
  if (shift == 0 || i < side - window) return 0;
  return i < side - shift ? 1 : 2;
}

// The place in memory of a position of the rolled map.
Size2 unrolled(const WindowLayout& w, int64_t i, int64_t j) {
  if (w.rolled) return {i, j};
  return {(i + w.shift[0]) % w.padded[0], (j + w.shift[1]) % w.padded[1]};
}

}  // namespace

std::vector<int32_t> window_rows(const WindowLayout& w) {
  std::vector<int32_t> rows;
  rows.reserve(static_cast<size_t>(w.padded[0] * w.padded[1]));
  for_window_tokens(w, [&](int64_t i, int64_t j) {
    const Size2 at = unrolled(w, i, j);
    rows.push_back(static_cast<int32_t>(at[0] * w.padded[1] + at[1]));
  });
  return rows;
}

std::vector<int32_t> window_labels(const WindowLayout& w) {
  const bool hides = w.valid[0] > 0 && (w.valid[0] < w.padded[0] || w.valid[1] < w.padded[1]);
  if (!hides && w.shift == Size2{0, 0}) return {};
  std::vector<int32_t> labels;
  labels.reserve(static_cast<size_t>(w.padded[0] * w.padded[1]));
  for_window_tokens(w, [&](int64_t i, int64_t j) {
    const Size2 at = unrolled(w, i, j);
    const bool hidden = hides && (at[0] >= w.valid[0] || at[1] >= w.valid[1]);
    labels.push_back(hidden ? -1
                            : 3 * region(i, w.padded[0], w.window[0], w.shift[0]) +
                                  region(j, w.padded[1], w.window[1], w.shift[1]));
  });
  return labels;
}

std::vector<int32_t> relative_position_index(Size2 window) {
  const int64_t tokens = window[0] * window[1];
  std::vector<int32_t> index;
  index.reserve(static_cast<size_t>(tokens * tokens));
  for (int64_t i = 0; i < tokens; ++i)
    for (int64_t j = 0; j < tokens; ++j)
      index.push_back(static_cast<int32_t>(relative_position(window, i, j)));
  return index;
}

template <class T>
std::vector<T> log_spaced_coordinates(Size2 window, int64_t pretrained) {
  const auto coordinate = [&](int64_t distance, int64_t side) {
    const int64_t last = std::max<int64_t>((pretrained > 0 ? pretrained : side) - 1, 1);
    const T d = 8 * static_cast<T>(distance) / static_cast<T>(last);
    return std::copysign(std::log2(std::abs(d) + 1) / 3, d);
  };
  std::vector<T> coordinates;
  for (int64_t y = 1 - window[0]; y < window[0]; ++y)
    for (int64_t x = 1 - window[1]; x < window[1]; ++x) {
      coordinates.push_back(coordinate(y, window[0]));
      coordinates.push_back(coordinate(x, window[1]));
    }
  return coordinates;
}
template std::vector<float> log_spaced_coordinates(Size2 window, int64_t pretrained);
template std::vector<double> log_spaced_coordinates(Size2 window, int64_t pretrained);

}  // namespace swin::autograd
