// Stochastic gradient descent with momentum.
#pragma once
#include "trainers/optim/optimizer.h"

namespace swin::trainers {

/// g ← gradient + λw, b ← μb + g, w ← w − lr (g + μb) with Nesterov's momentum, else w − lr b; λ =
/// 0 for exempt parameters. As torch.optim.SGD without dampening. Fields of its row: momentum (μ),
/// nesterov. Source: Sutskever et al. 2013, "On the importance of initialization and momentum in
/// deep learning", in PyTorch's form.
class Sgd : public Optimizer {
 public:
  Sgd(layers::Parameters& parameters, const OptimizerConfig& config,
      std::vector<double> lr_scales = {});

 private:
  void update(const Range& range, float* weights, const float* gradients) const override;

  float momentum_;
  bool nesterov_;
};

}  // namespace swin::trainers
