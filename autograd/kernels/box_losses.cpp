#include "autograd/kernels/box_losses.h"

#include <algorithm>
#include <cmath>
#include <vector>

#include "base/parallel.h"

namespace swin::autograd::kernels::SWIN_ISA {
namespace {

constexpr int64_t kElements = 4096;  // of a tile

// factor · Σ loss_of(i) over i in [0, count), tile after tile.
template <class Loss>
real total_loss(int64_t count, int64_t block, real factor, Loss&& loss_of) {
  std::vector<double> sums(static_cast<size_t>(base::divide_up(count, block)));
  base::parallel_ranges(count, block, [&](int64_t begin, int64_t end) {
    double sum = 0;
    for (int64_t i = begin; i < end; ++i) sum += static_cast<double>(loss_of(i));
    sums[static_cast<size_t>(begin / block)] = sum;
  });
  double total = 0;
  for (const double sum : sums) total += sum;
  return static_cast<real>(static_cast<double>(factor) * total);
}

// target[i] = slope_of(i), or added to it.
template <class Slope>
void for_slopes(GradientTarget target, int64_t count, Slope&& slope_of) {
  base::parallel_ranges(count, kElements, [&](int64_t begin, int64_t end) {
    for (int64_t i = begin; i < end; ++i)
      target.data[i] = (target.add ? target.data[i] : 0) + slope_of(i);
  });
}

real sign(real x) { return static_cast<real>((x > 0) - (x < 0)); }

}  // namespace

void smooth_l1_forward(const real* prediction, const real* target, real* loss, int64_t numel,
                       real beta, real factor) {
  if (!loss) return;
  *loss = total_loss(numel, kElements, factor, [&](int64_t i) {
    const real size = std::abs(prediction[i] - target[i]);
    return size < beta ? size * size / (2 * beta) : size - beta / 2;
  });
}

void smooth_l1_backward(const real* dloss, const real* prediction, const real* target,
                        GradientTarget dprediction, int64_t numel, real beta, real factor) {
  if (!dprediction) return;
  const real scale = *dloss * factor;
  for_slopes(dprediction, numel, [&](int64_t i) {
    const real d = prediction[i] - target[i];
    return scale * (std::abs(d) < beta ? d / beta : sign(d));
  });
}

namespace {
// One element of the focal loss. t is the target, s its counterpart.
struct Focal {
  real t, p, not_p, cross_entropy;
  real missed;  // 1 − pₜ, without cancellation
  real alpha;   // αₜ
  Focal(real x, real target, real of_alpha) : t(target) {
    const real small = std::exp(-std::abs(x));  // at most 1
    const real high = 1 / (1 + small), low = small / (1 + small);
    p = x < 0 ? low : high;
    not_p = x < 0 ? high : low;
    cross_entropy = (x < 0 ? 0 : x) - x * t + std::log1p(small);
    missed = t * not_p + (1 - t) * p;
    alpha = of_alpha < 0 ? 1 : of_alpha * t + (1 - of_alpha) * (1 - t);
  }
};
}  // namespace

void sigmoid_focal_loss_forward(const real* logits, const real* target, real* loss, int64_t numel,
                                real alpha, real gamma, real factor) {
  if (!loss) return;
  *loss = total_loss(numel, kElements, factor, [&](int64_t i) {
    const Focal f(logits[i], target[i], alpha);
    return f.alpha * std::pow(f.missed, gamma) * f.cross_entropy;
  });
}

void sigmoid_focal_loss_backward(const real* dloss, const real* logits, const real* target,
                                 GradientTarget dlogits, int64_t numel, real alpha, real gamma,
                                 real factor) {
  if (!dlogits) return;
  const real scale = *dloss * factor;
  for_slopes(dlogits, numel, [&](int64_t i) {
    const Focal f(logits[i], target[i], alpha);
    const real power = std::pow(f.missed, gamma);
    // d(1 − pₜ)/dx = (1 − 2t) p (1 − p).
    const real of_power = f.missed > 0 ? gamma * power * (f.p * f.not_p / f.missed) : real{0};
    return scale * f.alpha * (power * (f.p - f.t) + of_power * (1 - 2 * f.t) * f.cross_entropy);
  });
}

namespace {

constexpr double kEpsilon = 1e-7;

// The overlap and the hull of two ranges of an axis, and their slopes for the ends of the first.
struct Ranges {
  double overlap, hull;
  double doverlap[2] = {0, 0}, dhull[2];
  Ranges(double low, double high, double other_low, double other_high) {
    overlap = std::min(high, other_high) - std::max(low, other_low);
    hull = std::max(high, other_high) - std::min(low, other_low);
    // Of the larger of two equal values, each has half.
    const auto above = [](double a, double b) { return a > b ? 1.0 : a == b ? 0.5 : 0.0; };
    if (overlap > 0) {
      doverlap[0] = -above(low, other_low);
      doverlap[1] = above(other_high, high);
    }
    dhull[0] = -above(other_low, low);
    dhull[1] = above(high, other_high);
    overlap = overlap < 0 ? 0 : overlap;  // NaN stays NaN
  }
};

// Of a box and its target.
struct Giou {
  Ranges x, y;
  double width, height, intersection, united, hull;
  Giou(const real* box, const real* target)
      : x(at(box, 0), at(box, 2), at(target, 0), at(target, 2)),
        y(at(box, 1), at(box, 3), at(target, 1), at(target, 3)),
        width(at(box, 2) - at(box, 0)),
        height(at(box, 3) - at(box, 1)),
        intersection(x.overlap * y.overlap),
        united(width * height + (at(target, 2) - at(target, 0)) * (at(target, 3) - at(target, 1)) -
               intersection),
        hull(x.hull * y.hull) {}
  double loss() const {
    return 1 - intersection / (united + kEpsilon) + (hull - united) / (hull + kEpsilon);
  }
  static double at(const real* p, int i) { return static_cast<double>(p[i]); }
};

}  // namespace

void giou_loss_forward(const real* boxes, const real* target, real* loss, int64_t rows,
                       real factor) {
  if (!loss) return;
  *loss = total_loss(rows, kElements / 4, factor,
                     [&](int64_t row) { return Giou(boxes + 4 * row, target + 4 * row).loss(); });
}

void giou_loss_backward(const real* dloss, const real* boxes, const real* target,
                        GradientTarget dboxes, int64_t rows, real factor) {
  if (!dboxes) return;
  const double scale = static_cast<double>(*dloss) * static_cast<double>(factor);
  base::parallel_ranges(rows, kElements / 4, [&](int64_t begin, int64_t end) {
    for (int64_t row = begin; row < end; ++row) {
      const Giou g(boxes + 4 * row, target + 4 * row);
      const double below = g.united + kEpsilon, around = g.hull + kEpsilon;
      for (int end_of = 0; end_of < 2; ++end_of)
        for (int axis = 0; axis < 2; ++axis) {
          const Ranges &own = axis == 0 ? g.x : g.y, &other = axis == 0 ? g.y : g.x;
          const double darea = (end_of == 0 ? -1 : 1) * (axis == 0 ? g.height : g.width),
                       dintersection = own.doverlap[end_of] * other.overlap,
                       dunited = darea - dintersection, dhull = own.dhull[end_of] * other.hull;
          const double slope = (g.intersection * dunited / below - dintersection) / below +
                               (dhull * (g.united + kEpsilon) / around - dunited) / around;
          real& to = dboxes.data[4 * row + 2 * end_of + axis];
          to = (dboxes.add ? to : 0) + static_cast<real>(scale * slope);
        }
    }
  });
}

void decode_boxes_forward(const real* deltas, const real* boxes, real* y, int64_t rows,
                          const BoxDeltas& options) {
  if (!y) return;
  base::parallel_ranges(rows, kElements / 4, [&](int64_t begin, int64_t end) {
    for (int64_t row = begin; row < end; ++row)
      for (int axis = 0; axis < 2; ++axis) {
        const real *d = deltas + 4 * row + axis, *box = boxes + 4 * row + axis;
        const real size = box[2] - box[0], center = box[0] + size / 2;
        const real log_ratio = d[2] / options.weights[axis + 2];
        const real half =
            std::exp(std::clamp(log_ratio, options.lowest, options.highest)) * size / 2;
        const real moved = d[0] / options.weights[axis] * size + center;
        y[4 * row + axis] = moved - half;
        y[4 * row + axis + 2] = moved + half;
      }
  });
}

void decode_boxes_backward(const real* dy, const real* deltas, const real* boxes,
                           GradientTarget ddeltas, int64_t rows, const BoxDeltas& options) {
  if (!ddeltas) return;
  base::parallel_ranges(rows, kElements / 4, [&](int64_t begin, int64_t end) {
    for (int64_t row = begin; row < end; ++row)
      for (int axis = 0; axis < 2; ++axis) {
        const int64_t at = 4 * row + axis;
        const real size = boxes[at + 2] - boxes[at],
                   log_ratio = deltas[at + 2] / options.weights[axis + 2];
        const bool within = log_ratio >= options.lowest && log_ratio <= options.highest;
        const real of_center = (dy[at] + dy[at + 2]) * size / options.weights[axis],
                   of_size = within ? (dy[at + 2] - dy[at]) * std::exp(log_ratio) * size / 2 /
                                          options.weights[axis + 2]
                                    : real{0};
        real *const center = ddeltas.data + at, *const ratio = center + 2;
        *center = (ddeltas.add ? *center : 0) + of_center;
        *ratio = (ddeltas.add ? *ratio : 0) + of_size;
      }
  });
}

}  // namespace swin::autograd::kernels::SWIN_ISA

namespace swin::autograd::kernels {
SWIN_KERNEL(smooth_l1_forward)
SWIN_KERNEL(smooth_l1_backward)
SWIN_KERNEL(sigmoid_focal_loss_forward)
SWIN_KERNEL(sigmoid_focal_loss_backward)
SWIN_KERNEL(giou_loss_forward)
SWIN_KERNEL(giou_loss_backward)
SWIN_KERNEL(decode_boxes_forward)
SWIN_KERNEL(decode_boxes_backward)
}  // namespace swin::autograd::kernels
