#include "autograd/kernels/softmax.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "base/parallel.h"
#include "base/pool.h"

namespace swin::autograd::kernels::SWIN_ISA {
namespace {

// Calls body(row) for all rows, in parallel tiles of some thousand elements.
template <class Row>
void for_rows(int64_t rows, int64_t dim, Row&& body) {
  const int64_t block = std::max<int64_t>(1, 8192 / std::max<int64_t>(1, dim));
  base::parallel_ranges(rows, block, [&](int64_t begin, int64_t end) {
    for (int64_t row = begin; row < end; ++row) body(row);
  });
}

// factor · Σ loss_of(row), added in order.
template <class Loss>
real total_loss(int64_t rows, int64_t classes, real factor, Loss&& loss_of) {
  const base::Buffer memory = base::allocate(static_cast<size_t>(rows) * sizeof(real));
  real* losses = static_cast<real*>(memory.data());
  for_rows(rows, classes, [&](int64_t row) { losses[row] = loss_of(row); });
  real total = 0;
  for (int64_t row = 0; row < rows; ++row) total += losses[row];
  return total * factor;
}

}  // namespace

void softmax_forward(const real* x, real* y, int64_t rows, int64_t dim) {
  if (!y) return;
  for_rows(rows, dim, [&](int64_t row) {
    const real* from = x + row * dim;
    real* to = y + row * dim;
    const real top = *std::max_element(from, from + dim);
    if (top == -std::numeric_limits<real>::infinity()) {  // NaN stays NaN
      for (int64_t j = 0; j < dim; ++j) to[j] = from[j] == top ? 0 : from[j];
      return;
    }
    real total = 0;
    for (int64_t j = 0; j < dim; ++j) total += to[j] = std::exp(from[j] - top);
    for (int64_t j = 0; j < dim; ++j) to[j] /= total;
  });
}

void softmax_backward(const real* dy, const real* y, GradientTarget dx, int64_t rows, int64_t dim) {
  if (!dx) return;
  for_rows(rows, dim, [&](int64_t row) {
    const real *g = dy + row * dim, *p = y + row * dim;
    real* to = dx.data + row * dim;
    real dot = 0;
    for (int64_t j = 0; j < dim; ++j) dot += g[j] * p[j];
    for (int64_t j = 0; j < dim; ++j) to[j] = (dx.add ? to[j] : 0) + p[j] * (g[j] - dot);
  });
}

void cross_entropy_forward(const real* logits, const real* target, real* loss, real* log_sum_exp,
                           int64_t rows, int64_t classes, real factor) {
  if (!loss) return;
  *loss = total_loss(rows, classes, factor, [&](int64_t row) {
    const real *x = logits + row * classes, *t = target + row * classes;
    const real top = *std::max_element(x, x + classes);
    real total = 0;
    for (int64_t j = 0; j < classes; ++j) total += std::exp(x[j] - top);
    const real lse = top + std::log(total);
    log_sum_exp[row] = lse;
    real sum = 0;
    for (int64_t j = 0; j < classes; ++j)
      if (t[j] != 0) sum += t[j] * (lse - x[j]);
    return sum;
  });
}

void cross_entropy_backward(const real* dloss, const real* logits, const real* target,
                            const real* log_sum_exp, GradientTarget dlogits, int64_t rows,
                            int64_t classes, real factor) {
  if (!dlogits) return;
  const real scale = *dloss * factor;
  for_rows(rows, classes, [&](int64_t row) {
    const real *x = logits + row * classes, *t = target + row * classes;
    real* to = dlogits.data + row * classes;
    real mass = 0;
    for (int64_t j = 0; j < classes; ++j) mass += t[j];
    for (int64_t j = 0; j < classes; ++j)
      to[j] = (dlogits.add ? to[j] : 0) + scale * (mass * std::exp(x[j] - log_sum_exp[row]) - t[j]);
  });
}

void binary_cross_entropy_forward(const real* logits, const real* target, real* loss, int64_t rows,
                                  int64_t classes, real factor) {
  if (!loss) return;
  *loss = total_loss(rows, classes, factor, [&](int64_t row) {
    const real *x = logits + row * classes, *t = target + row * classes;
    real sum = 0;
    for (int64_t j = 0; j < classes; ++j) {
      const real positive = x[j] < 0 ? 0 : x[j];  // NaN stays NaN
      sum += positive - x[j] * t[j] + std::log1p(std::exp(-std::abs(x[j])));
    }
    return sum;
  });
}

void binary_cross_entropy_backward(const real* dloss, const real* logits, const real* target,
                                   GradientTarget dlogits, int64_t rows, int64_t classes,
                                   real factor) {
  if (!dlogits) return;
  const real scale = *dloss * factor;
  for_rows(rows, classes, [&](int64_t row) {
    const real *x = logits + row * classes, *t = target + row * classes;
    real* to = dlogits.data + row * classes;
    for (int64_t j = 0; j < classes; ++j) {
      const real small = std::exp(-std::abs(x[j]));  // at most 1
      const real sigmoid = (x[j] < 0 ? small : real{1}) / (1 + small);
      to[j] = (dlogits.add ? to[j] : 0) + scale * (sigmoid - t[j]);
    }
  });
}

}  // namespace swin::autograd::kernels::SWIN_ISA

namespace swin::autograd::kernels {
SWIN_KERNEL(softmax_forward)
SWIN_KERNEL(softmax_backward)
SWIN_KERNEL(cross_entropy_forward)
SWIN_KERNEL(cross_entropy_backward)
SWIN_KERNEL(binary_cross_entropy_forward)
SWIN_KERNEL(binary_cross_entropy_backward)
}  // namespace swin::autograd::kernels
