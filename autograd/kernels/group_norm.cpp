#include "autograd/kernels/group_norm.h"

#include <algorithm>
#include <cmath>

#include "autograd/kernels/ragged.h"
#include "autograd/kernels/row_blocks.h"
#include "base/parallel.h"
#include "base/pool.h"

namespace swin::autograd::kernels::SWIN_ISA {
namespace {

using base::fma;
using Vector = base::Vec<real>;

// Columns that are summed at once, in the registers' type on the stack, and elements of a block:
// its sums are of this type, and the second pass over it finds it in the cache. Blocks are added up
// in double.
constexpr int64_t kColumns = 512, kBlock = 8192;

// Tiles of rows, one pair of sums each: at least 32,768 elements, and at most 64 of an image.
int64_t rows_of_tile(const NormSizes& s) {
  return std::max<int64_t>(base::divide_up(32768, std::max<int64_t>(1, s.channels)),
                           base::divide_up(s.rows, 64));
}

// Two sums of every channel of an image: the first half, then the second.
class ChannelSums {
 public:
  explicit ChannelSums(const NormSizes& s)
      : channels_(s.channels),
        tile_rows_(rows_of_tile(s)),
        tiles_(std::max<int64_t>(1, base::divide_up(s.rows, tile_rows_))),
        memory_(base::allocate(static_cast<size_t>(s.images * tiles_ * 2 * s.channels) *
                               sizeof(double))) {}
  int64_t tiles() const { return tiles_; }
  int64_t tile_rows() const { return tile_rows_; }
  /// Of a tile; those of tile 0 become those of the image.
  double* of(int64_t image, int64_t tile) const {
    return static_cast<double*>(memory_.data()) + (image * tiles_ + tile) * 2 * channels_;
  }

 private:
  int64_t channels_, tile_rows_, tiles_;
  base::Buffer memory_;
};

// Calls f(sums of the tile, image, first row, end row, first column, end column) for tiles and, in
// them, blocks of at most kColumns columns and kBlock elements, in the order of the rows. The sums
// start as zeros.
template <class F>
void for_sum_blocks(const NormSizes& s, const ChannelSums& sums, F&& f) {
  base::parallel_for(s.images * sums.tiles(), [&](int64_t i) {
    const int64_t image = i / sums.tiles(), tile = i % sums.tiles();
    double* to = sums.of(image, tile);
    std::fill_n(to, 2 * s.channels, 0.0);
    const int64_t begin = tile * sums.tile_rows(), end = std::min(s.rows, begin + sums.tile_rows());
    for (int64_t c = 0; c < s.channels; c += kColumns) {
      const int64_t stop = std::min(s.channels, c + kColumns);
      const int64_t step = std::max<int64_t>(4, kBlock / (stop - c));
      for (int64_t row = begin; row < end; row += step)
        f(to, image, row, std::min(end, row + step), c, stop);
    }
  });
}

// Sums of one block. The lanes beyond the last column are written, too.
struct BlockSums {
  alignas(64) real first[kColumns];
  alignas(64) real second[kColumns];
};

// Adds the tiles of each image to its first one, in order.
void add_tiles(const NormSizes& s, const ChannelSums& sums) {
  base::parallel_for(s.images, [&](int64_t image) {
    double* to = sums.of(image, 0);
    for (int64_t tile = 1; tile < sums.tiles(); ++tile) {
      const double* from = sums.of(image, tile);
      for (int64_t j = 0; j < 2 * s.channels; ++j) to[j] += from[j];
    }
  });
}

// Mean and squared deviations of two sets of values in one (Chan, Golub and LeVeque 1979).
void merge(double* mean, double* squares, double count, const double* other_mean,
           const double* other_squares, double other_count, int64_t n) {
  const double share = other_count / (count + other_count), weight = count * share;
  for (int64_t j = 0; j < n; ++j) {
    const double difference = other_mean[j] - mean[j];
    mean[j] += difference * share;
    squares[j] += other_squares[j] + difference * difference * weight;
  }
}

// For each channel: the mean of rows [begin, end), and the squared deviations from it, merged into
// those of `seen` rows before.
void add_moments(const real* x, const NormSizes& s, double* sums, int64_t seen, int64_t begin,
                 int64_t end, int64_t c, int64_t stop) {
  const int64_t n = stop - c, count = end - begin, ld = s.channels;
  const real* const from = x + begin * ld + c;
  const int64_t padded = base::round_to_lanes<real>(n);
  BlockSums around, deviations;
  std::fill_n(around.first, padded, real{0});
  int64_t row = 0;
  for (; row + 4 <= count; row += 4)
    for_vectors(
        n, [&](int64_t j, auto part) __attribute__((always_inline)) {
          const real* p = from + row * ld + j;
          const Vector four =
              (part.load(p) + part.load(p + ld)) + (part.load(p + 2 * ld) + part.load(p + 3 * ld));
          base::store(around.first + j, base::load(around.first + j) + four);
        });
  for (; row < count; ++row)
    for_vectors(
        n, [&](int64_t j, auto part) __attribute__((always_inline)) {
          base::store(around.first + j,
                      base::load(around.first + j) + part.load(from + row * ld + j));
        });
  // About the rounded mean; the sum of the deviations says how far the true one is.
  for (int64_t j = 0; j < n; ++j) around.first[j] /= static_cast<real>(count);
  std::fill_n(deviations.first, padded, real{0});
  std::fill_n(deviations.second, padded, real{0});
  row = 0;
  for (; row + 4 <= count; row += 4)
    for_vectors(
        n, [&](int64_t j, auto part) __attribute__((always_inline)) {
          const real* p = from + row * ld + j;
          const Vector mean = base::load(around.first + j);
          const Vector d0 = part.load(p) - mean, d1 = part.load(p + ld) - mean,
                       d2 = part.load(p + 2 * ld) - mean, d3 = part.load(p + 3 * ld) - mean;
          base::store(deviations.first + j,
                      base::load(deviations.first + j) + ((d0 + d1) + (d2 + d3)));
          const Vector squares = fma(d0, d0, d1 * d1) + fma(d2, d2, d3 * d3);
          base::store(deviations.second + j, base::load(deviations.second + j) + squares);
        });
  for (; row < count; ++row)
    for_vectors(
        n, [&](int64_t j, auto part) __attribute__((always_inline)) {
          const Vector d = part.load(from + row * ld + j) - base::load(around.first + j);
          base::store(deviations.first + j, base::load(deviations.first + j) + d);
          base::store(deviations.second + j, fma(d, d, base::load(deviations.second + j)));
        });
  double mean[kColumns], squares[kColumns];
  for (int64_t j = 0; j < n; ++j) {
    const double off = static_cast<double>(deviations.first[j]) / static_cast<double>(count);
    mean[j] = static_cast<double>(around.first[j]) + off;
    squares[j] = static_cast<double>(deviations.second[j]) - off * off * static_cast<double>(count);
  }
  merge(sums + c, sums + ld + c, static_cast<double>(seen), mean, squares,
        static_cast<double>(count), n);
}

// Something for each (image, channel), in rows of whole vectors.
class Coefficients {
 public:
  Coefficients(const NormSizes& s, int64_t kinds)
      : kinds_(kinds),
        padded_(base::round_to_lanes<real>(s.channels)),
        memory_(base::allocate(static_cast<size_t>(s.images * kinds * padded_) * sizeof(real))) {
    std::fill_n(static_cast<real*>(memory_.data()), s.images * kinds * padded_, real{0});
  }
  real* of(int64_t image, int64_t kind) const {
    return static_cast<real*>(memory_.data()) + (image * kinds_ + kind) * padded_;
  }

 private:
  int64_t kinds_, padded_;
  base::Buffer memory_;
};

// Calls f(image, channel, group of all groups).
template <class F>
void for_channels(const NormSizes& s, F&& f) {
  const int64_t width = s.channels / std::max<int64_t>(1, s.groups);
  for (int64_t image = 0; image < s.images; ++image)
    for (int64_t c = 0; c < s.channels; ++c) f(image, c, image * s.groups + c / width);
}

// Calls f(image, offset of the row) for all rows, in parallel.
template <class F>
void for_image_rows(const NormSizes& s, F&& f) {
  for_batch_ranges(s.images, s.rows, rows_per_block(s.channels),
                   [&](int64_t image, int64_t begin, int64_t end) {
                     for (int64_t row = begin; row < end; ++row)
                       f(image, (image * s.rows + row) * s.channels);
                   });
}

}  // namespace

void group_statistics(const real* x, real* mean, real* rstd, real* variance, const NormSizes& sizes,
                      real epsilon) {
  if (!mean) return;
  const NormSizes s = sizes;
  const ChannelSums sums(s);
  for_sum_blocks(
      s, sums, [&](double* to, int64_t image, int64_t begin, int64_t end, int64_t c, int64_t stop) {
        const int64_t first = begin / sums.tile_rows() * sums.tile_rows();
        add_moments(x + image * s.rows * s.channels, s, to, begin - first, begin, end, c, stop);
      });
  const int64_t width = s.channels / s.groups;
  const double count = static_cast<double>(s.rows);
  base::parallel_for(s.images, [&](int64_t image) {
    double* means = sums.of(image, 0);
    double* squares = means + s.channels;
    for (int64_t tile = 1; tile < sums.tiles(); ++tile) {
      const int64_t before = tile * sums.tile_rows();
      const double* other = sums.of(image, tile);
      merge(means, squares, static_cast<double>(before), other, other + s.channels,
            static_cast<double>(std::min(s.rows, before + sums.tile_rows()) - before), s.channels);
    }
    for (int64_t g = 0; g < s.groups; ++g) {
      double mu = means[g * width], total = squares[g * width];
      for (int64_t j = 1; j < width; ++j)
        merge(&mu, &total, count * static_cast<double>(j), means + g * width + j,
              squares + g * width + j, count, 1);
      const double values = count * static_cast<double>(width);
      const int64_t to = image * s.groups + g;
      mean[to] = static_cast<real>(mu);
      rstd[to] = static_cast<real>(1 / std::sqrt(total / values + static_cast<double>(epsilon)));
      if (variance) variance[to] = static_cast<real>(total / (values - 1));
    }
  });
}

void inverse_deviations(const real* variance, real* rstd, int64_t count, real epsilon) {
  if (!rstd) return;
  for (int64_t i = 0; i < count; ++i) rstd[i] = 1 / std::sqrt(variance[i] + epsilon);
}

void group_norm_forward(const real* x, const real* weight, const real* bias, const real* mean,
                        const real* rstd, real* y, const NormSizes& sizes) {
  if (!y) return;
  const NormSizes s = sizes;
  const Coefficients of(s, 3);  // y = (x − 0) · 1 + 2
  for_channels(s, [&](int64_t image, int64_t c, int64_t group) {
    of.of(image, 0)[c] = mean[group];
    of.of(image, 1)[c] = rstd[group] * weight[c];
    of.of(image, 2)[c] = bias[c];
  });
  for_image_rows(s, [&](int64_t image, int64_t at) {
    const real *mu = of.of(image, 0), *factor = of.of(image, 1), *shift = of.of(image, 2);
    for_vectors(
        s.channels, [&](int64_t j, auto part) __attribute__((always_inline)) {
          part.store(y + at + j, fma(part.load(x + at + j) - base::load(mu + j),
                                     base::load(factor + j), base::load(shift + j)));
        });
  });
}

namespace {

// For each channel of an image: Σ dy, and Σ dy (x − mean).
void sum_gradients(const real* dy, const real* x, const NormSizes& s, const Coefficients& means,
                   const ChannelSums& sums) {
  for_sum_blocks(
      s, sums, [&](double* to, int64_t image, int64_t begin, int64_t end, int64_t c, int64_t stop) {
        const int64_t ld = s.channels, first = (image * s.rows + begin) * ld + c;
        const real *g = dy + first, *from = x + first, *mu = means.of(image, 0) + c;
        const int64_t padded = base::round_to_lanes<real>(stop - c);
        BlockSums block;
        std::fill_n(block.first, padded, real{0});
        std::fill_n(block.second, padded, real{0});
        const int64_t count = end - begin;
        int64_t row = 0;
        for (; row + 2 <= count; row += 2)
          for_vectors(
              stop - c, [&](int64_t j, auto part) __attribute__((always_inline)) {
                const int64_t at = row * ld + j;
                const Vector g0 = part.load(g + at), g1 = part.load(g + at + ld),
                             mean = base::load(mu + j);
                const Vector d0 = part.load(from + at) - mean,
                             d1 = part.load(from + at + ld) - mean;
                base::store(block.first + j, base::load(block.first + j) + (g0 + g1));
                base::store(block.second + j, base::load(block.second + j) + fma(g0, d0, g1 * d1));
              });
        for (; row < count; ++row)
          for_vectors(
              stop - c, [&](int64_t j, auto part) __attribute__((always_inline)) {
                const Vector d = part.load(g + row * ld + j);
                base::store(block.first + j, base::load(block.first + j) + d);
                base::store(block.second + j,
                            fma(d, part.load(from + row * ld + j) - base::load(mu + j),
                                base::load(block.second + j)));
              });
        for (int64_t j = 0; j < stop - c; ++j) {
          to[c + j] += static_cast<double>(block.first[j]);
          to[ld + c + j] += static_cast<double>(block.second[j]);
        }
      });
  add_tiles(s, sums);
}

// dweight = Σ rstd · sums of dy (x − mean), dbias = Σ sums of dy, over the images in order.
void write_parameter_gradients(const NormSizes& s, const ChannelSums& sums, const real* rstd,
                               GradientTarget dweight, GradientTarget dbias) {
  const int64_t width = s.channels / std::max<int64_t>(1, s.groups);
  for (int64_t c = 0; c < s.channels; ++c) {
    double of_weight = 0, of_bias = 0;
    for (int64_t image = 0; image < s.images; ++image) {
      const double* sum = sums.of(image, 0);
      of_bias += sum[c];
      of_weight += static_cast<double>(rstd[image * s.groups + c / width]) * sum[s.channels + c];
    }
    if (dweight)
      dweight.data[c] = (dweight.add ? dweight.data[c] : 0) + static_cast<real>(of_weight);
    if (dbias) dbias.data[c] = (dbias.add ? dbias.data[c] : 0) + static_cast<real>(of_bias);
  }
}

void fixed_norm_dx(const real* dy, const real* weight, const real* rstd, GradientTarget dx,
                   const NormSizes& s) {
  const Coefficients of(s, 1);
  for_channels(s, [&](int64_t image, int64_t c, int64_t group) {
    of.of(image, 0)[c] = rstd[group] * weight[c];
  });
  for_image_rows(s, [&](int64_t image, int64_t at) {
    const real* factor = of.of(image, 0);
    real* to = dx.data + at;
    for_vectors(
        s.channels, [&](int64_t j, auto part) __attribute__((always_inline)) {
          const Vector d = part.load(dy + at + j) * base::load(factor + j);
          part.store(to + j, dx.add ? part.load(to + j) + d : d);
        });
  });
}

}  // namespace

void group_norm_backward(const real* dy, const real* x, const real* weight, const real* mean,
                         const real* rstd, bool fixed, GradientTarget dx, GradientTarget dweight,
                         GradientTarget dbias, const NormSizes& sizes) {
  const NormSizes s = sizes;
  if (fixed && dx) fixed_norm_dx(dy, weight, rstd, dx, s);
  if (fixed) dx = {};
  if (!dx && !dweight && !dbias) return;
  // dx = 3 · ((dy · 4 − 1) − (x − 0) · 2): mean, means of dy and dy (x − mean) with the weights of
  // the group, the latter divided by the variance, rstd and weight.
  const Coefficients of(s, 5);
  for_channels(s, [&](int64_t image, int64_t c, int64_t group) {
    of.of(image, 0)[c] = mean[group];
    of.of(image, 3)[c] = rstd[group];
    of.of(image, 4)[c] = weight[c];
  });
  const ChannelSums sums(s);
  sum_gradients(dy, x, s, of, sums);
  write_parameter_gradients(s, sums, rstd, dweight, dbias);
  if (!dx) return;
  const int64_t width = s.channels / s.groups;
  const double values = static_cast<double>(s.rows * width);
  for (int64_t group = 0; group < s.images * s.groups; ++group) {
    const int64_t image = group / s.groups, begin = group % s.groups * width;
    const double *sum = sums.of(image, 0), r = static_cast<double>(rstd[group]);
    double of_dy = 0, of_product = 0;
    for (int64_t c = begin; c < begin + width; ++c) {
      of_dy += static_cast<double>(weight[c]) * sum[c];
      of_product += static_cast<double>(weight[c]) * sum[s.channels + c];
    }
    std::fill_n(of.of(image, 1) + begin, width, static_cast<real>(of_dy / values));
    std::fill_n(of.of(image, 2) + begin, width, static_cast<real>(of_product / values * r * r));
  }
  for_image_rows(s, [&](int64_t image, int64_t at) {
    const real *mu = of.of(image, 0), *mean_dy = of.of(image, 1), *slope = of.of(image, 2),
               *r = of.of(image, 3), *w = of.of(image, 4);
    real* to = dx.data + at;
    for_vectors(
        s.channels, [&](int64_t j, auto part) __attribute__((always_inline)) {
          const Vector d = part.load(x + at + j) - base::load(mu + j);
          const Vector centered =
              part.load(dy + at + j) * base::load(w + j) - base::load(mean_dy + j);
          const Vector g = (centered - d * base::load(slope + j)) * base::load(r + j);
          part.store(to + j, dx.add ? part.load(to + j) + g : g);
        });
  });
}

}  // namespace swin::autograd::kernels::SWIN_ISA

namespace swin::autograd::kernels {
SWIN_KERNEL(group_statistics)
SWIN_KERNEL(inverse_deviations)
SWIN_KERNEL(group_norm_forward)
SWIN_KERNEL(group_norm_backward)
}  // namespace swin::autograd::kernels
