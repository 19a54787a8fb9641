#include "trainers/optim/kernels/update.h"

#include "base/simd.h"

namespace swin::trainers::kernels::SWIN_ISA {

using base::broadcast;
using base::fma;
using base::load;
using base::store;
using Vector = base::Vec<float>;
constexpr int64_t L = base::kLanes<float>;

void adamw_update(const AdamWStep& step, const float* g, float* w, float* m, float* v,
                  int64_t count) {
  for (int64_t i = 0; i < count; i += L) {
    const Vector gradient = load(g + i) * step.gradient_factor;
    const Vector first = fma(broadcast(step.beta1), load(m + i), gradient * (1 - step.beta1));
    const Vector second =
        fma(broadcast(step.beta2), load(v + i), gradient * gradient * (1 - step.beta2));
    store(m + i, first);
    store(v + i, second);
    const Vector denominator =
        fma(base::sqrt(second), broadcast(step.inverse_root), broadcast(step.eps));
    store(w + i, load(w + i) * step.keep - first * step.step_size / denominator);
  }
}

void sgd_update(const SgdStep& step, const float* g, float* w, float* b, int64_t count) {
  for (int64_t i = 0; i < count; i += L) {
    const Vector weight = load(w + i);
    const Vector gradient = load(g + i) * step.gradient_factor + weight * step.weight_decay;
    const Vector buffer = load(b + i) * step.momentum + gradient;
    store(b + i, buffer);
    store(w + i, weight - (step.nesterov ? gradient + buffer * step.momentum : buffer) * step.lr);
  }
}

double sum_of_squares(const float* x, int64_t count) {
  // Eight running sums, however wide a vector is.
  double sums[8] = {};
  int64_t i = 0;
  for (; i + 8 <= count; i += 8)
    for (int j = 0; j < 8; ++j) {
      const double value = x[i + j];
      sums[j] += value * value;
    }
  for (; i < count; ++i) sums[0] += static_cast<double>(x[i]) * x[i];
  double total = 0;
  for (const double sum : sums) total += sum;
  return total;
}

}  // namespace swin::trainers::kernels::SWIN_ISA

namespace swin::trainers::kernels {
SWIN_KERNEL(adamw_update)
SWIN_KERNEL(sgd_update)
SWIN_KERNEL(sum_of_squares)
}  // namespace swin::trainers::kernels
