#include "trainers/optim/adamw.h"

#include <cmath>

#include "base/simd.h"

namespace swin::trainers {

AdamW::AdamW(layers::Parameters& parameters, const OptimizerConfig& config,
             std::vector<double> lr_scales)
    : Optimizer(parameters, config, std::move(lr_scales), {"exp_avg", "exp_avg_sq"}),
      beta1_(config.own.numbers("betas")[0]),
      beta2_(config.own.numbers("betas")[1]),
      eps_(static_cast<float>(config.own.number("eps"))) {}

void AdamW::update(const Range& range, float* w, const float* g) const {
  using Vector = base::Vec<float>;
  constexpr int64_t L = base::kLanes<float>;
  const double correction1 = 1 - std::pow(beta1_, static_cast<double>(range.step));
  const double correction2 = 1 - std::pow(beta2_, static_cast<double>(range.step));
  const float beta1 = static_cast<float>(beta1_), beta2 = static_cast<float>(beta2_);
  const float inverse_root = static_cast<float>(1 / std::sqrt(correction2));
  const float keep = static_cast<float>(1 - range.lr * range.weight_decay);
  const float step_size = static_cast<float>(range.lr / correction1);
  float *m_slab = slot(0), *v_slab = slot(1);
  for (int64_t i = range.begin; i < range.end; i += L) {
    const Vector gradient = base::load(g + i) * range.gradient_factor;
    const Vector m =
        base::fma(base::broadcast(beta1), base::load(m_slab + i), gradient * (1 - beta1));
    const Vector v = base::fma(base::broadcast(beta2), base::load(v_slab + i),
                               gradient * gradient * (1 - beta2));
    base::store(m_slab + i, m);
    base::store(v_slab + i, v);
    Vector root;
    for (int64_t j = 0; j < L; ++j)
      root[static_cast<size_t>(j)] = std::sqrt(v[static_cast<size_t>(j)]);
    const Vector denominator =
        base::fma(root, base::broadcast(inverse_root), base::broadcast(eps_));
    base::store(w + i, base::load(w + i) * keep - m * step_size / denominator);
  }
}

}  // namespace swin::trainers
