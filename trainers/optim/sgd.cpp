#include "trainers/optim/sgd.h"

#include "base/simd.h"

namespace swin::trainers {

Sgd::Sgd(layers::Parameters& parameters, const OptimizerConfig& config,
         std::vector<double> lr_scales)
    : Optimizer(parameters, config, std::move(lr_scales), {"momentum_buffer"}),
      momentum_(static_cast<float>(config.own.number("momentum"))),
      nesterov_(config.own.boolean("nesterov")) {}

void Sgd::update(const Range& range, float* w, const float* g) const {
  using Vector = base::Vec<float>;
  constexpr int64_t L = base::kLanes<float>;
  const float lr = static_cast<float>(range.lr), decay = static_cast<float>(range.weight_decay);
  float* buffer = slot(0);
  for (int64_t i = range.begin; i < range.end; i += L) {
    const Vector weight = base::load(w + i);
    const Vector gradient = base::load(g + i) * range.gradient_factor + weight * decay;
    const Vector b = base::load(buffer + i) * momentum_ + gradient;
    base::store(buffer + i, b);
    base::store(w + i, weight - (nesterov_ ? gradient + b * momentum_ : b) * lr);
  }
}

}  // namespace swin::trainers
