// Softmax over the last axis, and the two cross-entropy losses: over classes, and per class.
#pragma once
#include <cstdint>

#include "autograd/kernels/gradient_target.h"
#include "base/isa.h"

namespace swin::autograd::kernels {

/// y = exp(x − max) / Σ exp(x − max) for every row of x (rows, dim); zeros for a row of −∞.
extern const base::Kernel<void(const real* x, real* y, int64_t rows, int64_t dim)> softmax_forward;
/// dx = y (dy − Σ y dy).
extern const base::Kernel<void(const real* dy, const real* y, GradientTarget dx, int64_t rows,
                               int64_t dim)>
    softmax_backward;

/// loss (1) = −factor · Σ_rows Σ_classes target · log softmax(logits).
/// @param logits, target (rows, classes); a row of target is a distribution.
/// @param log_sum_exp (rows), saved for backward.
extern const base::Kernel<void(const real* logits, const real* target, real* loss,
                               real* log_sum_exp, int64_t rows, int64_t classes, real factor)>
    cross_entropy_forward;
extern const base::Kernel<void(const real* dloss, const real* logits, const real* target,
                               const real* log_sum_exp, GradientTarget dlogits, int64_t rows,
                               int64_t classes, real factor)>
    cross_entropy_backward;

/// loss (1) = factor · Σ_rows Σ_classes (max(x, 0) − x · target + log(1 + exp(−|x|))), x the logit:
/// the binary cross-entropy of σ(x) and target in a form that cannot overflow.
/// @param logits, target (rows, classes)
extern const base::Kernel<void(const real* logits, const real* target, real* loss, int64_t rows,
                               int64_t classes, real factor)>
    binary_cross_entropy_forward;
/// dlogits = dloss · factor · (σ(x) − target).
extern const base::Kernel<void(const real* dloss, const real* logits, const real* target,
                               GradientTarget dlogits, int64_t rows, int64_t classes, real factor)>
    binary_cross_entropy_backward;

}  // namespace swin::autograd::kernels
