// Softmax over the last axis, and the two cross-entropy losses: over classes, and per class.
#pragma once
#include <cstdint>

#include "autograd/kernels/gradient_target.h"

namespace swin::autograd::kernels {

/// y = exp(x − max) / Σ exp(x − max) for every row of x (rows, dim); zeros for a row of −∞.
void softmax_forward(const real* x, real* y, int64_t rows, int64_t dim);
/// dx = y (dy − Σ y dy).
void softmax_backward(const real* dy, const real* y, GradientTarget dx, int64_t rows, int64_t dim);

/// loss (1) = −factor · Σ_rows Σ_classes target · log softmax(logits).
/// @param logits, target (rows, classes); a row of target is a distribution.
/// @param log_sum_exp (rows), saved for backward.
void cross_entropy_forward(const real* logits, const real* target, real* loss, real* log_sum_exp,
                           int64_t rows, int64_t classes, real factor);
void cross_entropy_backward(const real* dloss, const real* logits, const real* target,
                            const real* log_sum_exp, GradientTarget dlogits, int64_t rows,
                            int64_t classes, real factor);

/// loss (1) = factor · Σ_rows Σ_classes (max(x, 0) − x · target + log(1 + exp(−|x|))), x the logit:
/// the binary cross-entropy of σ(x) and target in a form that cannot overflow.
/// @param logits, target (rows, classes)
void binary_cross_entropy_forward(const real* logits, const real* target, real* loss, int64_t rows,
                                  int64_t classes, real factor);
/// dlogits = dloss · factor · (σ(x) − target).
void binary_cross_entropy_backward(const real* dloss, const real* logits, const real* target,
                                   GradientTarget dlogits, int64_t rows, int64_t classes,
                                   real factor);

}  // namespace swin::autograd::kernels
