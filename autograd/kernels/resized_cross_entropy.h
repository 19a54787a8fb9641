// The cross-entropy of pixels whose logits are given for a smaller map, which is resized row by
// row: the resized logits are never in memory.
#pragma once
#include <cstdint>

#include "autograd/kernels/gradient_target.h"
#include "base/isa.h"

namespace swin::autograd::kernels {

/// A map of logits (images, height, width, classes) and the size it is resized to, bilinearly
/// between the centers of pixels.
struct ResizedLogits {
  int64_t images = 0, height = 0, width = 0, to_height = 0, to_width = 0, classes = 0;
};

/// loss (1) = −factor · Σ weight[label] · log softmax(resized logits)[label] over the pixels with a
/// label.
/// @param labels (images, to_height, to_width), −1 or below `classes`
/// @param weight (classes), or null for ones
/// @param log_sum_exp as the labels, saved for backward; null if there will be none
extern const base::Kernel<void(const real* logits, const int32_t* labels, const real* weight,
                               real* loss, real* log_sum_exp, const ResizedLogits& map,
                               real factor)>
    resized_cross_entropy_forward;
extern const base::Kernel<void(const real* dloss, const real* logits, const int32_t* labels,
                               const real* weight, const real* log_sum_exp, GradientTarget dlogits,
                               const ResizedLogits& map, real factor)>
    resized_cross_entropy_backward;

}  // namespace swin::autograd::kernels
