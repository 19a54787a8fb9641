#include "autograd/kernels/pixel_losses.h"

#include <algorithm>
#include <cmath>

#include "autograd/kernels/row_blocks.h"
#include "autograd/kernels/softmax_row.h"
#include "base/parallel.h"
#include "base/pool.h"

namespace swin::autograd::kernels::SWIN_ISA {
namespace {

using base::fma;
using Vector = base::Vec<real>;

// Σ of the tiles' values, in order.
double sum_in_order(const double* values, int64_t count) {
  double total = 0;
  for (int64_t i = 0; i < count; ++i) total += values[i];
  return total;
}

}  // namespace

void pixel_cross_entropy_forward(const real* logits, const int32_t* labels, const real* weight,
                                 real* loss, real* log_sum_exp, int64_t rows, int64_t classes,
                                 real factor) {
  if (!loss) return;
  const int64_t block = rows_per_block(classes), tiles = base::divide_up(rows, block);
  const base::Buffer memory = base::allocate(static_cast<size_t>(tiles) * sizeof(double));
  double* losses = static_cast<double*>(memory.data());
  base::parallel_ranges(rows, block, [&](int64_t begin, int64_t end) {
    double sum = 0;
    for (int64_t row = begin; row < end; ++row) {
      const int32_t label = labels[row];
      if (label < 0) {
        if (log_sum_exp) log_sum_exp[row] = 0;
        continue;
      }
      const real* x = logits + row * classes;
      const SoftmaxTotal t = softmax_total(x, classes);
      const real log_total = std::log(t.total);
      if (log_sum_exp) log_sum_exp[row] = t.top + log_total;
      // Not log-sum-exp − x: that would lose the digits of a small loss of large logits.
      const real own = log_total - (x[label] - t.top);
      sum += static_cast<double>(weight ? weight[label] * own : own);
    }
    losses[begin / block] = sum;
  });
  *loss = static_cast<real>(static_cast<double>(factor) * sum_in_order(losses, tiles));
}

void pixel_cross_entropy_backward(const real* dloss, const real* logits, const int32_t* labels,
                                  const real* weight, const real* log_sum_exp,
                                  GradientTarget dlogits, int64_t rows, int64_t classes,
                                  real factor) {
  if (!dlogits) return;
  const real all = *dloss * factor;
  base::parallel_ranges(rows, rows_per_block(classes), [&](int64_t begin, int64_t end) {
    for (int64_t row = begin; row < end; ++row) {
      const int32_t label = labels[row];
      real* to = dlogits.data + row * classes;
      if (label < 0) {
        if (!dlogits.add) std::fill_n(to, classes, real{0});
        continue;
      }
      const real* x = logits + row * classes;
      const real scale = weight ? all * weight[label] : all, lse = log_sum_exp[row];
      // (exp(x − lse) − t) · scale: what is stored where t is 1 is written again below.
      const real own = (std::exp(x[label] - lse) - 1) * scale + (dlogits.add ? to[label] : 0);
      for_vectors(
          classes, [&](int64_t j, auto part) __attribute__((always_inline)) {
            const Vector d = exp_of(part.load(x + j) - lse) * scale;
            part.store(to + j, dlogits.add ? part.load(to + j) + d : d);
          });
      to[label] = own;
    }
  });
}

namespace {

// Rows of an image in a tile with sums of its own: at least 32,768 logits, at most 64 tiles.
int64_t dice_tile_rows(int64_t rows, int64_t classes) {
  return std::max<int64_t>(base::divide_up(32768, classes), base::divide_up(rows, 64));
}

// Of an image or a tile of it, for each class: Σ p², Σ p t and Σ t.
struct DiceSums {
  double *squares, *products, *labels;
  DiceSums(double* memory, int64_t classes)
      : squares(memory), products(memory + classes), labels(memory + 2 * classes) {}
};

}  // namespace

void dice_loss_forward(const real* logits, const int32_t* labels, real* loss, real* log_sum_exp,
                       real* slopes, int64_t images, int64_t rows, int64_t classes, real factor) {
  if (!loss) return;
  const int64_t tile_rows = dice_tile_rows(rows, classes),
                tiles = std::max<int64_t>(1, base::divide_up(rows, tile_rows));
  const base::Buffer memory =
      base::allocate(static_cast<size_t>(images * tiles * 3 * classes) * sizeof(double));
  double* const sums = static_cast<double*>(memory.data());
  const ThreadRows scratch(classes), squares(classes);
  base::parallel_for(images * tiles, [&](int64_t i) {
    const int64_t image = i / tiles, first = i % tiles * tile_rows;
    std::fill_n(sums + i * 3 * classes, 3 * classes, 0.0);
    const DiceSums to(sums + i * 3 * classes, classes);
    real *const p = scratch.own(), *const block = squares.own();
    const int64_t last = std::min(rows, first + tile_rows);
    for (int64_t begin = first; begin < last; begin += 64) {  // rows whose p² are added in real
      std::fill_n(block, base::round_to_lanes<real>(classes), real{0});
      for (int64_t row = begin; row < std::min(last, begin + 64); ++row) {
        const int64_t at = image * rows + row;
        const int32_t label = labels[at];
        log_sum_exp[at] = 0;
        if (label < 0) continue;
        const real* x = logits + at * classes;
        const SoftmaxTotal t = softmax_total(x, classes);
        const real inverse = 1 / t.total;
        log_sum_exp[at] = t.top + std::log(t.total);
        for_vectors(
            classes, [&](int64_t j, auto part) __attribute__((always_inline)) {
              const Vector own = with_fill(part, exp_of(part.load(x + j) - t.top) * inverse, 0);
              base::store(p + j, own);
              base::store(block + j, fma(own, own, base::load(block + j)));
            });
        to.products[label] += static_cast<double>(p[label]);
        to.labels[label] += 1;
      }
      for (int64_t c = 0; c < classes; ++c) to.squares[c] += static_cast<double>(block[c]);
    }
  });
  double total = 0;
  for (int64_t image = 0; image < images; ++image) {
    double* const own = sums + image * tiles * 3 * classes;
    for (int64_t tile = 1; tile < tiles; ++tile)
      for (int64_t j = 0; j < 3 * classes; ++j) own[j] += own[tile * 3 * classes + j];
    const DiceSums of(own, classes);
    const double share = static_cast<double>(factor) / static_cast<double>(classes);
    for (int64_t c = 0; c < classes; ++c) {
      const double above = 2 * of.products[c] + 1, below = of.squares[c] + of.labels[c] + 1;
      total += share * (1 - above / below);
      slopes[image * 2 * classes + c] = static_cast<real>(share * 2 * above / (below * below));
      slopes[(image * 2 + 1) * classes + c] = static_cast<real>(share * -2 / below);
    }
  }
  *loss = static_cast<real>(total);
}

void dice_loss_backward(const real* dloss, const real* logits, const int32_t* labels,
                        const real* log_sum_exp, const real* slopes, GradientTarget dlogits,
                        int64_t images, int64_t rows, int64_t classes) {
  if (!dlogits) return;
  const real scale = *dloss;
  const ThreadRows scratch(classes);
  for_batch_ranges(
      images, rows, rows_per_block(classes), [&](int64_t image, int64_t begin, int64_t end) {
        const real* of_p = slopes + image * 2 * classes;
        const real* of_t = of_p + classes;
        real* const p = scratch.own();
        for (int64_t at = image * rows + begin; at < image * rows + end; ++at) {
          const int32_t label = labels[at];
          real* to = dlogits.data + at * classes;
          if (label < 0) {
            if (!dlogits.add) std::fill_n(to, classes, real{0});
            continue;
          }
          const real *x = logits + at * classes, lse = log_sum_exp[at];
          Vector dots{};
          for_vectors(
              classes, [&](int64_t j, auto part) __attribute__((always_inline)) {
                const Vector own = with_fill(part, exp_of(part.load(x + j) - lse), 0);
                base::store(p + j, own);
                dots = fma(own * part.load(of_p + j), own, dots);
              });
          const real dot = base::sum(dots) + p[label] * of_t[label];
          const real own = scale * p[label] * (of_p[label] * p[label] + of_t[label] - dot) +
                           (dlogits.add ? to[label] : 0);
          for_vectors(
              classes, [&](int64_t j, auto part) __attribute__((always_inline)) {
                const Vector probability = base::load(p + j);
                const Vector d = probability * scale *
                                 fma(probability, part.load(of_p + j), base::broadcast(-dot));
                part.store(to + j, dlogits.add ? part.load(to + j) + d : d);
              });
          to[label] = own;
        }
      });
}

}  // namespace swin::autograd::kernels::SWIN_ISA

namespace swin::autograd::kernels {
SWIN_KERNEL(pixel_cross_entropy_forward)
SWIN_KERNEL(pixel_cross_entropy_backward)
SWIN_KERNEL(dice_loss_forward)
SWIN_KERNEL(dice_loss_backward)
}  // namespace swin::autograd::kernels
