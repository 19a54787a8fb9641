// The sections on convolution and resampling of reference.h.
#include <algorithm>
#include <cmath>

#include "tests/support/reference.h"

namespace swin::reference {
namespace {

// Calls f(b, i, j, c) for every element of a map.
template <class F>
void for_each_element(const Array& map, F&& f) {
  for (int64_t b = 0; b < map.shape[0]; ++b)
    for (int64_t i = 0; i < map.shape[1]; ++i)
      for (int64_t j = 0; j < map.shape[2]; ++j)
        for (int64_t c = 0; c < map.shape[3]; ++c) f(b, i, j, c);
}

// A map of another size with the channels and the batch of x.
Array resized(const Array& x, Size2 to) { return Array({x.shape[0], to[0], to[1], x.shape[3]}); }

}  // namespace

// ---- convolution --------------------------------------------------------------------------------

Array conv2d(const Array& x, const Array& weight, const Array* bias, int64_t stride,
             int64_t padding) {
  const int64_t out = weight.shape[0], channels = weight.shape[1], side = weight.shape[2];
  Array y({x.shape[0], (x.shape[1] + 2 * padding - side) / stride + 1,
           (x.shape[2] + 2 * padding - side) / stride + 1, out});
  for_each_element(y, [&](int64_t b, int64_t i, int64_t j, int64_t o) {
    double sum = bias ? (*bias)[o] : 0;
    for (int64_t u = 0; u < side; ++u)
      for (int64_t v = 0; v < side; ++v) {
        const int64_t row = i * stride + u - padding, column = j * stride + v - padding;
        if (row < 0 || row >= x.shape[1] || column < 0 || column >= x.shape[2]) continue;
        for (int64_t c = 0; c < channels; ++c)
          sum += weight[((o * channels + c) * side + u) * side + v] *
                 x[map_offset(x, b, row, column, c)];
      }
    y[map_offset(y, b, i, j, o)] = sum;
  });
  return y;
}

Array conv_transpose_2x2(const Array& x, const Array& weight, const Array* bias) {
  const int64_t channels = weight.shape[0], out = weight.shape[1];
  Array y({x.shape[0], 2 * x.shape[1], 2 * x.shape[2], out});
  for_each_element(y, [&](int64_t b, int64_t i, int64_t j, int64_t o) {
    double sum = bias ? (*bias)[o] : 0;
    for (int64_t c = 0; c < channels; ++c)
      sum += weight[((c * out + o) * 2 + i % 2) * 2 + j % 2] * x[map_offset(x, b, i / 2, j / 2, c)];
    y[map_offset(y, b, i, j, o)] = sum;
  });
  return y;
}

// ---- resampling ---------------------------------------------------------------------------------

Array adaptive_avg_pool(const Array& x, Size2 to) {
  Array y = resized(x, to);
  const auto begin = [](int64_t bin, int64_t size, int64_t bins) { return bin * size / bins; };
  const auto end = [](int64_t bin, int64_t size, int64_t bins) {
    const double exact = static_cast<double>((bin + 1) * size) / static_cast<double>(bins);
    return static_cast<int64_t>(std::ceil(exact));
  };
  for_each_element(y, [&](int64_t b, int64_t i, int64_t j, int64_t c) {
    double sum = 0, count = 0;
    for (int64_t u = begin(i, x.shape[1], to[0]); u < end(i, x.shape[1], to[0]); ++u)
      for (int64_t v = begin(j, x.shape[2], to[1]); v < end(j, x.shape[2], to[1]); ++v) {
        sum += x[map_offset(x, b, u, v, c)];
        count += 1;
      }
    y[map_offset(y, b, i, j, c)] = sum / count;
  });
  return y;
}

Array resize_bilinear(const Array& x, Size2 to, bool align_corners) {
  Array y = resized(x, to);
  const auto place = [&](int64_t i, int64_t from, int64_t size) {
    const double n = static_cast<double>(from), m = static_cast<double>(size);
    if (align_corners) return size > 1 ? static_cast<double>(i) * (n - 1) / (m - 1) : 0;
    return std::max((static_cast<double>(i) + 0.5) * n / m - 0.5, 0.0);
  };
  for_each_element(y, [&](int64_t b, int64_t i, int64_t j, int64_t c) {
    const double at_row = place(i, x.shape[1], to[0]), at_column = place(j, x.shape[2], to[1]);
    const int64_t top = static_cast<int64_t>(at_row), left = static_cast<int64_t>(at_column);
    const int64_t bottom = std::min(top + 1, x.shape[1] - 1),
                  right = std::min(left + 1, x.shape[2] - 1);
    const double down = at_row - static_cast<double>(top),
                 across = at_column - static_cast<double>(left);
    y[map_offset(y, b, i, j, c)] = (1 - down) * ((1 - across) * x[map_offset(x, b, top, left, c)] +
                                                 across * x[map_offset(x, b, top, right, c)]) +
                                   down * ((1 - across) * x[map_offset(x, b, bottom, left, c)] +
                                           across * x[map_offset(x, b, bottom, right, c)]);
  });
  return y;
}

Array resize_nearest(const Array& x, Size2 to) {
  Array y = resized(x, to);
  const auto place = [](int64_t i, int64_t from, int64_t size) {
    const float ratio = static_cast<float>(from) / static_cast<float>(size);
    return std::min(static_cast<int64_t>(std::floor(static_cast<float>(i) * ratio)), from - 1);
  };
  for_each_element(y, [&](int64_t b, int64_t i, int64_t j, int64_t c) {
    y[map_offset(y, b, i, j, c)] =
        x[map_offset(x, b, place(i, x.shape[1], to[0]), place(j, x.shape[2], to[1]), c)];
  });
  return y;
}

}  // namespace swin::reference
