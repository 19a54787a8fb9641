#include "autograd/kernels/resized_cross_entropy.h"

#include <algorithm>
#include <vector>

#include "autograd/kernels/softmax_row.h"

namespace swin::autograd::kernels::SWIN_ISA {
namespace {

using base::fma;
using Vector = base::Vec<real>;

// Pixel i of the resized axis is (1 − share) · pixel `low` + share · pixel `high` of the given one.
struct Source {
  int64_t low, high;
  real share;
};
std::vector<Source> sources(int64_t from, int64_t to) {
  std::vector<Source> all;
  for (int64_t i = 0; i < to; ++i) {
    const double at = std::max(
        (static_cast<double>(i) + 0.5) * static_cast<double>(from) / static_cast<double>(to) - 0.5,
        0.0);
    const int64_t low = std::min(static_cast<int64_t>(at), from - 1);
    all.push_back(
        {low, std::min(low + 1, from - 1), static_cast<real>(at - static_cast<double>(low))});
  }
  return all;
}

// In the lanes that fill the classes of a pixel up to whole vectors: far below any logit, and what
// is interpolated between two of them is the same.
constexpr real kBeyond = static_cast<real>(-1e30);

// The rows of the given map that a row of the resized one lies between, interpolated.
// @param line (width, padded): the classes of a pixel, and lanes beyond them
void interpolate_rows(const real* image, const ResizedLogits& m, const Source& row, real* line,
                      int64_t padded) {
  const real *const low = image + row.low * m.width * m.classes, *const high =
                                                                     image +
                                                                     row.high * m.width * m.classes;
  for (int64_t pixel = 0; pixel < m.width; ++pixel)
    for_vectors(
        m.classes, [&](int64_t j, auto part) __attribute__((always_inline)) {
          const Vector from = part.load(low + pixel * m.classes + j);
          const Vector to = part.load(high + pixel * m.classes + j);
          base::store(line + pixel * padded + j,
                      with_fill(part, fma(to - from, base::broadcast(row.share), from), kBeyond));
        });
}
// The logits of a pixel, from that.
SWIN_INLINE void interpolate_pixel(const real* line, const Source& column, real* x,
                                   int64_t padded) {
  const real *const low = line + column.low * padded, *const high = line + column.high * padded;
  for (int64_t j = 0; j < padded; j += base::kLanes<real>) {
    const Vector from = base::load(low + j);
    base::store(x + j, fma(base::load(high + j) - from, base::broadcast(column.share), from));
  }
}

// y += factor · x, n elements.
SWIN_INLINE void add_scaled(const real* x, real factor, real* y, int64_t n) {
  for_vectors(
      n, [&](int64_t j, auto part) __attribute__((always_inline)) {
        part.store(y + j, fma(part.load(x + j), base::broadcast(factor), part.load(y + j)));
      });
}

// Rows of the given map in a tile of the backward pass. Resized rows between two tiles are computed
// by both.
constexpr int64_t kTileRows = 8;

}  // namespace

void resized_cross_entropy_forward(const real* logits, const int32_t* labels, const real* weight,
                                   real* loss, real* log_sum_exp, const ResizedLogits& map,
                                   real factor) {
  if (!loss) return;
  const ResizedLogits m = map;
  const std::vector<Source> rows = sources(m.height, m.to_height),
                            columns = sources(m.width, m.to_width);
  const int64_t lines = m.images * m.to_height;
  std::vector<double> losses(static_cast<size_t>(lines));
  const int64_t padded = base::round_to_lanes<real>(m.classes);
  const ThreadRows line_of(m.width * padded), pixel_of(padded);
  base::parallel_for(lines, [&](int64_t i) {
    real *const line = line_of.own(), *const x = pixel_of.own();
    interpolate_rows(logits + i / m.to_height * m.height * m.width * m.classes, m,
                     rows[static_cast<size_t>(i % m.to_height)], line, padded);
    double sum = 0;
    for (int64_t j = 0; j < m.to_width; ++j) {
      const int64_t at = i * m.to_width + j;
      const int32_t label = labels[at];
      if (label < 0) {
        if (log_sum_exp) log_sum_exp[at] = 0;
        continue;
      }
      interpolate_pixel(line, columns[static_cast<size_t>(j)], x, padded);
      const SoftmaxTotal t = softmax_total(x, padded);
      const real log_total = std::log(t.total);
      if (log_sum_exp) log_sum_exp[at] = t.top + log_total;
      const real own = log_total - (x[label] - t.top);
      sum += static_cast<double>(weight ? weight[label] * own : own);
    }
    losses[static_cast<size_t>(i)] = sum;
  });
  double total = 0;
  for (const double of_line : losses) total += of_line;
  *loss = static_cast<real>(static_cast<double>(factor) * total);
}

void resized_cross_entropy_backward(const real* dloss, const real* logits, const int32_t* labels,
                                    const real* weight, const real* log_sum_exp,
                                    GradientTarget dlogits, const ResizedLogits& map, real factor) {
  if (!dlogits) return;
  const ResizedLogits m = map;
  const std::vector<Source> rows = sources(m.height, m.to_height),
                            columns = sources(m.width, m.to_width);
  const real all = *dloss * factor;
  const int64_t n = m.width * m.classes, tiles = base::divide_up(m.height, kTileRows);
  const int64_t padded = base::round_to_lanes<real>(m.classes);
  const ThreadRows line_of(m.width * padded), dline_of(m.width * padded), pixel_of(padded);
  base::parallel_for(m.images * tiles, [&](int64_t tile) {
    const int64_t image = tile / tiles, begin = tile % tiles * kTileRows,
                  end = std::min(m.height, begin + kTileRows);
    real *const line = line_of.own(), *const dline = dline_of.own(), *const x = pixel_of.own();
    real* const to = dlogits.data + image * m.height * n;
    if (!dlogits.add) std::fill(to + begin * n, to + end * n, real{0});
    for (int64_t i = 0; i < m.to_height; ++i) {
      const Source& row = rows[static_cast<size_t>(i)];
      const bool takes_low = row.low >= begin && row.low < end,
                 takes_high = row.high >= begin && row.high < end;
      if (!takes_low && !takes_high) continue;
      interpolate_rows(logits + image * m.height * n, m, row, line, padded);
      std::fill_n(dline, m.width * padded, real{0});
      for (int64_t j = 0; j < m.to_width; ++j) {
        const int64_t at = (image * m.to_height + i) * m.to_width + j;
        const int32_t label = labels[at];
        if (label < 0) continue;
        const Source& column = columns[static_cast<size_t>(j)];
        interpolate_pixel(line, column, x, padded);
        const real scale = weight ? all * weight[label] : all;
        const Vector lse = base::broadcast(log_sum_exp[at]), share = base::broadcast(column.share);
        for (int64_t c = 0; c < padded; c += base::kLanes<real>)
          base::store(x + c, exp_of(base::load(x + c) - lse) * scale);
        x[label] -= scale;
        real *const low = dline + column.low * padded, *const high = dline + column.high * padded;
        for (int64_t c = 0; c < padded; c += base::kLanes<real>) {
          const Vector d = base::load(x + c), of_high = d * share;
          base::store(low + c, base::load(low + c) + (d - of_high));
          base::store(high + c, base::load(high + c) + of_high);
        }
      }
      for (int64_t pixel = 0; pixel < m.width; ++pixel) {
        const real* d = dline + pixel * padded;
        const int64_t at = pixel * m.classes;
        if (takes_low) add_scaled(d, 1 - row.share, to + row.low * n + at, m.classes);
        if (takes_high) add_scaled(d, row.share, to + row.high * n + at, m.classes);
      }
    }
  });
}

}  // namespace swin::autograd::kernels::SWIN_ISA

namespace swin::autograd::kernels {
SWIN_KERNEL(resized_cross_entropy_forward)
SWIN_KERNEL(resized_cross_entropy_backward)
}  // namespace swin::autograd::kernels
