#include "trainers/optim/adamw.h"

#include <cmath>

#include "trainers/optim/kernels/update.h"

namespace swin::trainers {

AdamW::AdamW(layers::Parameters& parameters, const OptimizerConfig& config,
             std::vector<double> lr_scales)
    : Optimizer(parameters, config, std::move(lr_scales), {"exp_avg", "exp_avg_sq"}),
      beta1_(config.own.numbers("betas")[0]),
      beta2_(config.own.numbers("betas")[1]),
      eps_(static_cast<float>(config.own.number("eps"))) {}

void AdamW::update(const Range& range, float* w, const float* g) const {
  const double correction1 = 1 - std::pow(beta1_, static_cast<double>(range.step));
  const double correction2 = 1 - std::pow(beta2_, static_cast<double>(range.step));
  const kernels::AdamWStep step{.gradient_factor = range.gradient_factor,
                                .beta1 = static_cast<float>(beta1_),
                                .beta2 = static_cast<float>(beta2_),
                                .eps = eps_,
                                .keep = static_cast<float>(1 - range.lr * range.weight_decay),
                                .step_size = static_cast<float>(range.lr / correction1),
                                .inverse_root = static_cast<float>(1 / std::sqrt(correction2))};
  const int64_t i = range.begin;
  kernels::adamw_update(step, g + i, w + i, slot(0) + i, slot(1) + i, range.end - i);
}

}  // namespace swin::trainers
