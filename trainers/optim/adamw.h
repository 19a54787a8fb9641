// AdamW over the slab of all parameters, and the norm that clipping needs.
#pragma once
#include <vector>

#include "layers/scope.h"
#include "trainers/config/config.h"

namespace swin::trainers {

/// Global L2 norm of all gradients since begin_step; fixed chunks summed in order, in double.
double gradient_norm(const layers::Parameters& parameters);

/// Decoupled weight decay (Loshchilov and Hutter 2019, arXiv:1711.05101), one fused pass:
/// m ← β₁m + (1−β₁)g, v ← β₂v + (1−β₂)g², w ← w − lr (λw + m̂ / (√v̂ + ε)), λ = 0 for exempt
/// parameters. Each parameter has its own factor of the learning rate. Frozen parameters and their
/// slots do not change.
class AdamW {
 public:
  /// @param lr_scales one for each parameter (learning_rate_scales); empty: 1 for all.
  AdamW(layers::Parameters& parameters, const OptimizerConfig& config,
        std::vector<double> lr_scales = {});
  /// @param lr of this step   @param gradient_factor multiplies every gradient (clipping)
  /// @param step number of this step, from 1 (bias correction).
  void step(double lr, double gradient_factor, int64_t step);
  /// A slab of optimizer state in the parameters' layout; checkpoints store it under this name.
  struct Slot {
    const char* name;
    float* slab;
  };
  std::vector<Slot> slots();

 private:
  layers::Parameters* parameters_;
  OptimizerConfig config_;
  std::vector<double> lr_scales_;
  base::Buffer exp_avg_, exp_avg_sq_;
};

}  // namespace swin::trainers
