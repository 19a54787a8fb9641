// AdamW.
#pragma once
#include "trainers/optim/optimizer.h"

namespace swin::trainers {

/// Decoupled weight decay (Loshchilov and Hutter 2019, arXiv:1711.05101), one fused pass:
/// m ← β₁m + (1−β₁)g, v ← β₂v + (1−β₂)g², w ← w − lr (λw + m̂ / (√v̂ + ε)), λ = 0 for exempt
/// parameters. Fields of its row: betas, eps.
class AdamW : public Optimizer {
 public:
  AdamW(layers::Parameters& parameters, const OptimizerConfig& config,
        std::vector<double> lr_scales = {});

 private:
  void update(const Range& range, float* weights, const float* gradients) const override;

  double beta1_, beta2_;
  float eps_;
};

}  // namespace swin::trainers
