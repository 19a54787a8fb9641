// The loops of the optimizers over ranges of the parameter slab.
#pragma once
#include <cstdint>

#include "base/isa.h"

namespace swin::trainers::kernels {

/// The factors of one AdamW step: Loshchilov and Hutter 2019, arXiv:1711.05101, algorithm 2.
struct AdamWStep {
  float gradient_factor;  ///< clipping and averaging
  float beta1, beta2, eps;
  float keep;          ///< 1 − lr · weight decay
  float step_size;     ///< lr / (1 − beta1ᵗ)
  float inverse_root;  ///< 1 / √(1 − beta2ᵗ)
};
/// m = β₁ m + (1 − β₁) g;  v = β₂ v + (1 − β₂) g²;  w = keep · w − step_size · m / (√v ·
/// inverse_root
/// + eps). The slabs are padded: whole vectors are read and written beyond count.
extern const base::Kernel<void(const AdamWStep& step, const float* g, float* w, float* m, float* v,
                               int64_t count)>
    adamw_update;

struct SgdStep {
  float gradient_factor, lr, weight_decay, momentum;
  bool nesterov;
};
/// b = momentum · b + g + weight_decay · w;  w −= lr · (nesterov ? g + weight_decay · w + momentum
/// · b : b). Padded as above.
extern const base::Kernel<void(const SgdStep& step, const float* g, float* w, float* b,
                               int64_t count)>
    sgd_update;

/// Σ x², added in double in an order that is the same for every instruction set.
extern const base::Kernel<double(const float* x, int64_t count)> sum_of_squares;

}  // namespace swin::trainers::kernels
