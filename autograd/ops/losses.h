// The section losses.cpp of ops.h, whose conventions hold here.
#pragma once
#include <cstdint>

#include "autograd/tensor/array.h"
#include "autograd/tensor/tensor.h"
#include "base/size2.h"

namespace swin::autograd {

using base::Size2;

/// loss = −factor · Σ target · log softmax(logits), summed over the batch and the classes.
/// @param logits (B, classes)
/// @param target (B, classes), each row a distribution; gets no gradient
/// @param factor 1 / (images of the whole batch), so that the losses of micro-batches add up
/// @return one element
/// Saves: logits, target, and the log-sum-exp of each row.
Tensor cross_entropy(const Tensor& logits, const Tensor& target, real factor);

/// loss = −factor · Σ (target · log σ(logits) + (1 − target) · log(1 − σ(logits))), summed over the
/// batch and the classes: every class is predicted independently. Finite for all finite logits.
/// @param logits (B, classes)
/// @param target (B, classes), each element in [0, 1]; gets no gradient
/// @param factor 1 / (images of the whole batch · classes)
/// @return one element
/// Saves: logits, target.
Tensor binary_cross_entropy(const Tensor& logits, const Tensor& target, real factor);

/// Cross-entropy of labels: loss = −factor · Σ weight[label] · log softmax(logits)[label], over the
/// rows with a label.
/// @param logits (…, C)
/// @param labels one for each row, from 0 to C − 1, or −1: the row is ignored
/// @param class_weights (C), or undefined for ones; gets no gradient
/// @param factor 1 / (rows of the whole batch: all, or those with a label), or 1 / (Σ weight[label]
///     over the whole batch) for PyTorch's mean
/// @return one element; 0 if all rows are ignored
/// Saves: logits, labels, class_weights, and the log-sum-exp of each row.
Tensor pixel_cross_entropy(const Tensor& logits, const Array<int32_t>& labels,
                           const Tensor& class_weights, real factor);

/// pixel_cross_entropy of the logits of a smaller (or larger) map, resized to the labels:
/// pixel_cross_entropy(resize_bilinear(logits, to), labels, class_weights, factor), row by row, so
/// that the resized logits and their gradient, often the largest tensors of a model, are never in
/// memory.
/// @param logits (B, H, W, C)
/// @param to height and width of the labels
/// @param labels (B · to₀ · to₁), as of pixel_cross_entropy
/// @return one element; 0 if all pixels are ignored
/// Saves: logits, labels, class_weights, and the log-sum-exp of each pixel of the new size.
Tensor resized_cross_entropy(const Tensor& logits, Size2 to, const Array<int32_t>& labels,
                             const Tensor& class_weights, real factor);

/// Dice loss of the softmax p: loss = factor · Σ over images of the mean over classes of
/// 1 − (2 Σ p t + 1) / (Σ p² + Σ t + 1), with t 1 at the pixels of the class and 0 elsewhere.
/// Pixels without a label count in no sum.
/// @param logits (B, H, W, C)
/// @param labels one for each pixel, from 0 to C − 1, or −1: the pixel is ignored
/// @param factor 1 / (images of the whole batch)
/// @return one element
/// Saves: logits, labels, the log-sum-exp of each pixel, and two numbers for each image and class.
/// Source: Milletari et al. 2016, arXiv:1606.04797, with the squares and the smoothing of
/// mmsegmentation's DiceLoss (exponent 2, smooth 1); there, ignored pixels count in Σ p² and Σ t.
Tensor dice_loss(const Tensor& logits, const Array<int32_t>& labels, real factor);

/// loss = factor · Σ mask · |prediction − target|, with the mask's element of the patch that a
/// pixel lies in.
/// @param prediction (B, H, W, C)
/// @param target (B, H, W, C); gets no gradient
/// @param mask (B, H/p, W/p), usually 0 and 1; gets no gradient
/// @param factor 1 / (masked pixels of the whole batch · C)
/// @return one element
/// Saves: prediction, target, mask.
/// Source: SimMIM, Xie et al. 2022, arXiv:2111.09886, section 3.3.
Tensor masked_l1(const Tensor& prediction, const Tensor& target, const Tensor& mask, real factor);

/// Smooth L1: loss = factor · Σ of d² / (2 beta) where |d| < beta and of |d| − beta / 2 elsewhere,
/// d = prediction − target. With beta 0 it is L1, whose gradient at d = 0 is 0.
/// @param prediction any shape
/// @param target the same shape; gets no gradient
/// @param beta at least 0
/// @param factor 1 / (what the losses of the whole batch are divided by)
/// @return one element
/// Saves: prediction, target.
/// Source: Girshick 2015, arXiv:1504.08083, equation 3, with the beta of torchvision and
/// mmdetection.
Tensor smooth_l1(const Tensor& prediction, const Tensor& target, real beta, real factor);

/// Focal loss of independent classes: loss = factor · Σ αₜ (1 − pₜ)^gamma · (−target · log p − (1 −
/// target) · log(1 − p)), with p = σ(logits), pₜ = p · target + (1 − p) · (1 − target), and αₜ =
/// alpha · target + (1 − alpha) · (1 − target). Finite for all finite logits.
/// @param logits any shape
/// @param target the same shape, each element in [0, 1]; gets no gradient
/// @param alpha in [0, 1], or negative: αₜ is 1
/// @param gamma at least 0
/// @param factor 1 / (positives of the whole batch)
/// @return one element
/// Saves: logits, target.
/// Source: Lin et al. 2017, arXiv:1708.02002, equation 5.
Tensor sigmoid_focal_loss(const Tensor& logits, const Tensor& target, real alpha, real gamma,
                          real factor);

/// Generalized IoU: loss = factor · Σ of 1 − I / (U + 1e-7) + (C − U) / (C + 1e-7), with the areas
/// I of the intersection, U of the union and C of the smallest box around both. Where two edges are
/// at the same place, each has half of the gradient.
/// @param boxes (N, 4): x1, y1, x2, y2 with x1 ≤ x2 and y1 ≤ y2
/// @param target (N, 4); gets no gradient
/// @param factor 1 / (what the losses of the whole batch are divided by)
/// @return one element
/// Saves: boxes, target.
/// Source: Rezatofighi et al. 2019, arXiv:1902.09630, algorithm 1.
Tensor giou_loss(const Tensor& boxes, const Tensor& target, real factor);

}  // namespace swin::autograd
