// Losses of classified pixels: a row of logits and one label each. A label of −1 is ignored.
#pragma once
#include <cstdint>

#include "autograd/kernels/gradient_target.h"
#include "base/isa.h"

namespace swin::autograd::kernels {

/// loss (1) = −factor · Σ weight[label] · log softmax(logits)[label] over the rows with a label.
/// @param logits (rows, classes)   @param labels (rows), −1 or below `classes`
/// @param weight (classes), or null for ones
/// @param log_sum_exp (rows), saved for backward; null if there will be none
extern const base::Kernel<void(const real* logits, const int32_t* labels, const real* weight,
                               real* loss, real* log_sum_exp, int64_t rows, int64_t classes,
                               real factor)>
    pixel_cross_entropy_forward;
extern const base::Kernel<void(const real* dloss, const real* logits, const int32_t* labels,
                               const real* weight, const real* log_sum_exp, GradientTarget dlogits,
                               int64_t rows, int64_t classes, real factor)>
    pixel_cross_entropy_backward;

/// loss (1) = factor · Σ over the images of the mean over the classes of 1 − (2 Σ p t + 1) / (Σ p²
/// + Σ t + 1), with p the softmax and t 1 where the label is this class, over the rows with a
/// label.
/// @param logits (images, rows, classes)   @param labels (images, rows)
/// @param log_sum_exp (images, rows), saved for backward
/// @param slopes (images, 2, classes), saved for backward: d loss / dp = slopes₀ · p + slopes₁ · t
extern const base::Kernel<void(const real* logits, const int32_t* labels, real* loss,
                               real* log_sum_exp, real* slopes, int64_t images, int64_t rows,
                               int64_t classes, real factor)>
    dice_loss_forward;
extern const base::Kernel<void(const real* dloss, const real* logits, const int32_t* labels,
                               const real* log_sum_exp, const real* slopes, GradientTarget dlogits,
                               int64_t images, int64_t rows, int64_t classes)>
    dice_loss_backward;

}  // namespace swin::autograd::kernels
