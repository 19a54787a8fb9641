// Losses of boxes and of objects, each factor · Σ over elements, and the decoding of boxes.
#pragma once
#include <cstdint>

#include "autograd/kernels/gradient_target.h"
#include "base/isa.h"

namespace swin::autograd::kernels {

/// d = prediction − target: d² / (2 beta) where |d| < beta, |d| − beta / 2 elsewhere.
extern const base::Kernel<void(const real* prediction, const real* target, real* loss,
                               int64_t numel, real beta, real factor)>
    smooth_l1_forward;
extern const base::Kernel<void(const real* dloss, const real* prediction, const real* target,
                               GradientTarget dprediction, int64_t numel, real beta, real factor)>
    smooth_l1_backward;

/// αₜ (1 − pₜ)^gamma · binary cross-entropy, p = σ(logits); a negative alpha: αₜ = 1.
extern const base::Kernel<void(const real* logits, const real* target, real* loss, int64_t numel,
                               real alpha, real gamma, real factor)>
    sigmoid_focal_loss_forward;
extern const base::Kernel<void(const real* dloss, const real* logits, const real* target,
                               GradientTarget dlogits, int64_t numel, real alpha, real gamma,
                               real factor)>
    sigmoid_focal_loss_backward;

/// 1 − generalized IoU of each box and its target, (rows, 4).
extern const base::Kernel<void(const real* boxes, const real* target, real* loss, int64_t rows,
                               real factor)>
    giou_loss_forward;
extern const base::Kernel<void(const real* dloss, const real* boxes, const real* target,
                               GradientTarget dboxes, int64_t rows, real factor)>
    giou_loss_backward;

/// What deltas are divided by, and the limits of dw and dh after that.
struct BoxDeltas {
  real weights[4];
  real lowest, highest;
};
/// y (rows, 4): the boxes moved and resized by deltas.
extern const base::Kernel<void(const real* deltas, const real* boxes, real* y, int64_t rows,
                               const BoxDeltas& options)>
    decode_boxes_forward;
extern const base::Kernel<void(const real* dy, const real* deltas, const real* boxes,
                               GradientTarget ddeltas, int64_t rows, const BoxDeltas& options)>
    decode_boxes_backward;

}  // namespace swin::autograd::kernels
