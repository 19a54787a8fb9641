#include "trainers/optim/sgd.h"

#include "trainers/optim/kernels/update.h"

namespace swin::trainers {

Sgd::Sgd(layers::Parameters& parameters, const OptimizerConfig& config,
         std::vector<double> lr_scales)
    : Optimizer(parameters, config, std::move(lr_scales), {"momentum_buffer"}),
      momentum_(static_cast<float>(config.own.number("momentum"))),
      nesterov_(config.own.boolean("nesterov")) {}

void Sgd::update(const Range& range, float* w, const float* g) const {
  const kernels::SgdStep step{.gradient_factor = range.gradient_factor,
                              .lr = static_cast<float>(range.lr),
                              .weight_decay = static_cast<float>(range.weight_decay),
                              .momentum = momentum_,
                              .nesterov = nesterov_};
  const int64_t i = range.begin;
  kernels::sgd_update(step, g + i, w + i, slot(0) + i, range.end - i);
}

}  // namespace swin::trainers
