// All differentiable functions of the engine: here, and in losses.h, regions.h and residual.h,
// which this header includes. Each section is one .cpp file in this directory, which holds forward
// and backward of its ops next to each other. The arithmetic is in autograd/kernels, on raw
// pointers.
//
// Conventions, unless a comment says otherwise:
// - Tensors are contiguous and channels-last. B is the batch (images), H × W a map of tokens, C its
//   channels; (…, n) means any leading dims before a last dim of size n.
// - Axes may be negative: they then count from the end.
// - Every tensor argument gets a gradient if it needs one.
// - The result has the shape of x where no @return says more.
// - "Saves" lists what the tape keeps in memory for the backward pass.
// - An op throws base::ShapeError if its arguments do not fit together.
#pragma once
#include <cstdint>
#include <vector>

#include "autograd/kernels/window_layout.h"
#include "autograd/ops/draw_key.h"
#include "autograd/ops/kept_samples.h"
#include "autograd/tape/override.h"
#include "autograd/tensor/array.h"
#include "autograd/tensor/tensor.h"

namespace swin::autograd {

/// While one lives, the fused ops of this thread (window_attention, attention, cosine_qkv,
/// patch_merging, patch_embed, resized_cross_entropy, attention_residual, mlp_residual) run as the
/// compositions of plain ops that stand beside them, step by step as the papers draw them. Slower,
/// and every intermediate result is kept for the backward pass: to read, and to compare the fused
/// ops with. Masked scores are −∞ (FiniteCheck refuses them), and attention dropout drops the same
/// elements.
class PlainOps : public ThreadMode<PlainOps> {};

/// While one lives, the halves of blocks (attention_residual, mlp_residual) run on this thread as
/// the ops that they consist of, fused ones among them: for observers of these ops. Active under
/// PlainOps, too.
class OpByOp : public ThreadMode<OpByOp> {
 public:
  static bool active() { return ThreadMode<OpByOp>::active() || PlainOps::active(); }
};

// ---- arithmetic.cpp -----------------------------------------------------------------------------

/// y = x · weightᵀ + bias.
/// @param x (…, in)
/// @param weight (out, in)
/// @param bias (out), or an undefined tensor for no bias
/// @return (…, out)
/// Saves: x, weight.
Tensor linear(const Tensor& x, const Tensor& weight, const Tensor& bias);

/// Matrix product per batch entry: y = a · b, or y = a · bᵀ.
/// @param a (…, m, k)
/// @param b (…, k, n), or (…, n, k) if transpose_b; the same leading dims as a
/// @return (…, m, n)
/// Saves: a, b.
Tensor matmul(const Tensor& a, const Tensor& b, bool transpose_b = false);

/// y = x + b, with b broadcast to the shape of x.
/// @param x any shape
/// @param b aligned with x at the last axis; each dim equals x's or is 1, missing dims count as 1
/// Saves: nothing. If the shapes are equal, x and b share dy's memory as their gradient.
Tensor add(const Tensor& x, const Tensor& b);

/// y = x · b, element by element, with b broadcast to the shape of x.
/// @param x any shape
/// @param b aligned with x at the last axis; each dim equals x's or is 1, missing dims count as 1
/// Saves: x and b, a broadcast b at its full size.
Tensor multiply(const Tensor& x, const Tensor& b);

/// Repeats x along axes of size 1.
/// @param x aligned with `shape` at the last axis; each dim equals shape's or is 1, missing dims
///     count as 1
/// @return a tensor of `shape`
/// Saves: nothing. The gradient of an element is the sum over its copies, in row-major order.
Tensor broadcast_to(const Tensor& x, const Shape& shape);

/// y = factor · x.
/// @param x any shape
/// Saves: nothing.
Tensor scale(const Tensor& x, real factor);

/// y = eˣ.
/// @param x any shape
/// Saves: y.
Tensor exp(const Tensor& x);

/// GELU: y = x Φ(x), with the exact normal distribution function Φ (erf, not the tanh
/// approximation).
/// @param x any shape
/// Saves: x.
/// Source: Hendrycks and Gimpel 2016, arXiv:1606.08415.
Tensor gelu(const Tensor& x);

/// y = max(x, 0). The gradient at 0 is 0.
/// @param x any shape
/// Saves: y.
Tensor relu(const Tensor& x);

/// y = 1 / (1 + e⁻ˣ).
/// @param x any shape
/// Saves: y.
Tensor sigmoid(const Tensor& x);

/// y = eˣ / Σ eˣ, the sum over the last axis. A row of −∞ gives zeros, forward and backward.
/// @param x (…, dim)
/// Saves: y.
Tensor softmax(const Tensor& x);

/// y = x / max(|x|, 1e-12), with the Euclidean norm over the last axis.
/// @param x (…, dim)
/// Saves: x, and 1 / max(|x|, 1e-12) of each row.
Tensor l2_normalize(const Tensor& x);

/// y = (x − mean) / √(variance + epsilon) · weight + bias, with mean and (biased) variance over the
/// last axis.
/// @param x (…, dim)
/// @param weight, bias (dim)
/// Saves: x, weight, and the mean and 1/√(variance + epsilon) of each row.
/// Source: Ba et al. 2016, arXiv:1607.06450.
Tensor layer_norm(const Tensor& x, const Tensor& weight, const Tensor& bias,
                  real epsilon = static_cast<real>(1e-5));

// ---- normalization.cpp --------------------------------------------------------------------------
//
// Their multiply-adds count as none, as in published counts of segmentation models.

/// Of a batch, for each channel (C).
struct BatchStatistics {
  Tensor mean, variance;  ///< variance: unbiased, n − 1 below, as running statistics have it
};

/// Batch normalization in training: y = (x − mean) / √(variance + epsilon) · weight + bias, with
/// mean and (biased) variance of each channel over all other axes.
/// @param x (…, C), two rows or more
/// @param weight, bias (C)
/// @param statistics null, or gets the statistics
/// Saves: x, weight, and the mean and 1/√(variance + epsilon) of each channel.
/// Source: Ioffe and Szegedy 2015, arXiv:1502.03167.
Tensor batch_norm(const Tensor& x, const Tensor& weight, const Tensor& bias, real epsilon,
                  BatchStatistics* statistics);

/// Batch normalization in evaluation: y = (x − mean) / √(variance + epsilon) · weight + bias, with
/// given statistics, which get no gradient.
/// @param x (…, C)
/// @param weight, bias, mean, variance (C)
/// Saves: weight, mean, 1/√(variance + epsilon), and x if weight or bias needs a gradient.
Tensor frozen_norm(const Tensor& x, const Tensor& weight, const Tensor& bias, const Tensor& mean,
                   const Tensor& variance, real epsilon);

/// Group normalization: y = (x − mean) / √(variance + epsilon) · weight + bias, with mean and
/// (biased) variance over the tokens of an image and a group of C/groups consecutive channels.
/// @param x (B, H, W, C)
/// @param weight, bias (C)
/// @param groups divides C
/// Saves: x, weight, and the mean and 1/√(variance + epsilon) of each group.
/// Source: Wu and He 2018, arXiv:1803.08494.
Tensor group_norm(const Tensor& x, const Tensor& weight, const Tensor& bias, int64_t groups,
                  real epsilon);

// ---- randomness.cpp -----------------------------------------------------------------------------

/// Each element is zeroed with probability `rate`, independently; the others are divided by
/// 1 − rate.
/// @param x (B, …)
/// @param rate in [0, 1)
/// Saves: nothing. The backward pass draws the same random numbers again.
Tensor dropout(const Tensor& x, real rate, const DrawKey& key);

/// Stochastic depth: each sample is zeroed as a whole with probability `rate`; the others are
/// divided by 1 − rate.
/// @param x (B, …)
/// @param rate in [0, 1)
/// Saves: nothing. The backward pass draws the same random numbers again.
/// Source: Huang et al. 2016, arXiv:1603.09382.
Tensor drop_path(const Tensor& x, real rate, const DrawKey& key);

/// Dropout of whole channels: each channel of a sample is zeroed with probability `rate`; the
/// others are divided by 1 − rate.
/// @param x (B, H, W, C)
/// @param rate in [0, 1)
/// Saves: nothing. The backward pass draws the same random numbers again.
/// Source: Tompson et al. 2015, arXiv:1411.4280.
Tensor drop_channels(const Tensor& x, real rate, const DrawKey& key);

/// The samples that stochastic depth keeps.
/// @param x (B, …), B = kept.batch
/// @return (number of kept samples, …); none at all is an empty batch
/// Saves: the index of the samples. The gradient of the others is zero.
Tensor take_samples(const Tensor& x, const KeptSamples& kept);

/// A residual branch that was computed for the kept samples alone: y[s] = x[s] + factor · branch[i]
/// for the i-th kept sample s, and x[s] for the others. Equal to add(x, drop_path(branch of all
/// samples)).
/// @param x (B, …), B = kept.batch
/// @param branch (number of kept samples, …)
/// Saves: the index of the samples. x shares dy's memory as its gradient.
Tensor add_samples(const Tensor& x, const Tensor& branch, const KeptSamples& kept);

// ---- movement.cpp -------------------------------------------------------------------------------

/// The same elements, in the same order, under another shape.
/// @param shape with as many elements as x
/// Saves: nothing. x takes over dy's memory as its gradient.
Tensor reshape(const Tensor& x, const Shape& shape);

/// Joins tensors along `axis`.
/// @param parts at least one; all dims but `axis` are equal
/// @return dim `axis` is the sum over the parts
/// Saves: nothing.
Tensor concat(const std::vector<Tensor>& parts, int axis);

/// The indices begin … end − 1 of `axis`.
/// @param begin, end with 0 ≤ begin < end ≤ x.dim(axis)
/// @return dim `axis` is end − begin
/// Saves: nothing. The gradient of the elements outside is zero.
Tensor slice(const Tensor& x, int axis, int64_t begin, int64_t end);

/// Reorders the axes: axis i of y is axis axes[i] of x.
/// @param axes each axis of x once
/// Saves: nothing.
Tensor permute(const Tensor& x, const std::vector<int>& axes);

/// Shifts the map cyclically, as torch.roll does:
/// y[b, i, j] = x[b, (i − shift₀) mod H, (j − shift₁) mod W].
/// @param x (B, H, W, C)
/// @return (B, H, W, C)
/// Saves: a table of row indices, shared by the images.
Tensor roll(const Tensor& x, Size2 shift);

/// Resizes the map at its bottom and right: rows and columns of zeros are added there, or, where
/// `to` is smaller, rows and columns are removed.
/// @param x (B, H, W, C)
/// @param to the new height and width, at least 1 each
/// @return (B, to₀, to₁, C)
/// Saves: a table of row indices, shared by the images.
Tensor pad_or_crop(const Tensor& x, Size2 to);

/// Every stride-th row and column, beginning with the first: y[b, i, j] = x[b, stride · i,
/// stride · j]. With stride 2 the level above the last one of a feature pyramid.
/// @param x (B, H, W, C)
/// @param stride at least 1
/// @return (B, ⌈H / stride⌉, ⌈W / stride⌉, C)
/// Saves: a table of row indices, shared by the images.
Tensor subsample(const Tensor& x, int64_t stride);

/// Cuts a map into windows. The windows of an image are consecutive, in row-major order.
/// @param x (B, H, W, C)
/// @param window height and width in tokens; they divide H and W
/// @return (B · H/window₀ · W/window₁, window₀ · window₁, C)
/// Saves: a table of row indices, shared by the images.
/// Source: Liu et al. 2021, arXiv:2103.14030, section 3.2.
Tensor window_partition(const Tensor& x, Size2 window);

/// The inverse of window_partition.
/// @param windows (B · H/window₀ · W/window₁, window₀ · window₁, C)
/// @param map {H, W}
/// @return (B, H, W, C)
/// Saves: a table of row indices, shared by the images.
Tensor window_reverse(const Tensor& windows, Size2 window, Size2 map);

/// Concatenates the channels of every 2 × 2 block of tokens, in the published order: (row 0, column
/// 0), (1, 0), (0, 1), (1, 1). An odd H or W is first padded with zeros at the bottom or right.
/// @param x (B, H, W, C)
/// @return (B, ⌈H/2⌉, ⌈W/2⌉, 4C)
/// Saves: a table of row indices, shared by the images.
/// Source: Liu et al. 2021, arXiv:2103.14030, section 3.1.
Tensor patch_merging(const Tensor& x);

/// A convolution whose stride is its kernel size: every patch × patch square becomes one token.
/// @param x (B, H, W, channels); patch divides H and W
/// @param weight (dim, channels, patch, patch)
/// @param bias (dim)
/// @return (B, H/patch, W/patch, dim)
/// Saves: x, weight.
/// Source: Dosovitskiy et al. 2021, arXiv:2010.11929, section 3.1.
Tensor patch_embed(const Tensor& x, const Tensor& weight, const Tensor& bias);

/// The mean over the tokens of a map.
/// @param x (B, H, W, C)
/// @return (B, C)
/// Saves: nothing.
Tensor mean_tokens(const Tensor& x);

/// Replaces masked tokens: y = x (1 − mask) + token · mask.
/// @param x (B, H, W, C)
/// @param token C elements under any shape, such as (1, 1, C)
/// @param mask (B, H, W), 1 where a token is replaced and 0 elsewhere; gets no gradient
/// @return (B, H, W, C)
/// Saves: mask.
/// Source: SimMIM, Xie et al. 2022, arXiv:2111.09886, section 3.1.
Tensor replace_tokens(const Tensor& x, const Tensor& token, const Tensor& mask);

/// Rows by their index, which may repeat or be none at all: y[i] = x[index[i]].
/// @param x (M, C)
/// @param index each below M
/// @return (number of indices, C)
/// Saves: the index. Gradients of a row that repeats are added in order.
Tensor take_rows(const Tensor& x, const std::vector<int32_t>& index);

/// One element of each row: y[i] = x[i, column[i]].
/// @param x (M, K); M may be 0
/// @param column M indices, each below K
/// @return (M)
/// Saves: the columns.
Tensor take_elements(const Tensor& x, const std::vector<int32_t>& column);

// ---- convolution.cpp ----------------------------------------------------------------------------

struct ConvOptions {
  int64_t stride = 1;
  int64_t padding = 0;  ///< rows and columns of zeros around the map
};

/// y[b, i, j, o] = bias[o] + Σ weight[o, c, u, v] · x[b, stride · i + u − padding, stride · j + v −
/// padding, c], summed over c, u and v. A 1 × 1 convolution of stride 1 is `linear`.
/// @param x (B, H, W, C)
/// @param weight (O, C, k, k)
/// @param bias (O), or an undefined tensor for no bias
/// @return (B, ⌊(H + 2 · padding − k) / stride⌋ + 1, the same of W, O)
/// Saves: x, weight.
Tensor conv2d(const Tensor& x, const Tensor& weight, const Tensor& bias, ConvOptions options = {});

/// The transposed convolution of kernel 2 and stride 2: every pixel becomes a square of 2 × 2.
/// y[b, 2i + u, 2j + v, o] = bias[o] + Σ weight[c, o, u, v] · x[b, i, j, c], summed over c.
/// @param x (B, H, W, C)
/// @param weight (C, O, 2, 2)
/// @param bias (O), or an undefined tensor for no bias
/// @return (B, 2H, 2W, O)
/// Saves: x, weight.
Tensor conv_transpose_2x2(const Tensor& x, const Tensor& weight, const Tensor& bias);

// ---- resampling.cpp -----------------------------------------------------------------------------

/// The mean of each of to₀ × to₁ bins: bin i of an axis of n pixels has ⌊i n / to⌋ … ⌈(i + 1) n /
/// to⌉ − 1. Bins overlap where `to` does not divide n, and repeat pixels where it is larger.
/// @param x (B, H, W, C)
/// @param to height and width, at least 1 each
/// @return (B, to₀, to₁, C)
/// Saves: the weights of each axis.
Tensor adaptive_avg_pool(const Tensor& x, Size2 to);

/// Bilinear interpolation between the centers of pixels, without a filter where it makes the map
/// smaller: pixel i of an axis lies at max((i + ½) n / to − ½, 0) of its n pixels; with
/// align_corners at i (n − 1) / (to − 1), so that the corner pixels keep their values.
/// @param x (B, H, W, C)
/// @param to height and width, at least 1 each; x itself if they are its own
/// @return (B, to₀, to₁, C)
/// Saves: the weights of each axis.
Tensor resize_bilinear(const Tensor& x, Size2 to, bool align_corners = false);

/// Pixel i of an axis is pixel ⌊i · (n / to)⌋ of its n pixels, with the ratio in float, as
/// PyTorch's mode "nearest".
/// @param x (B, H, W, C)
/// @param to height and width, at least 1 each
/// @return (B, to₀, to₁, C)
/// Saves: the indices of each axis.
Tensor resize_nearest(const Tensor& x, Size2 to);

// ---- attention.cpp ------------------------------------------------------------------------------

/// The regions of window_labels as an additive mask: 0 where a query may attend to a key, else
/// `forbidden`, −100 in the published code.
/// @return (windows, tokens, tokens)
/// Source: Liu et al. 2021, arXiv:2103.14030, section 3.2 and figure 4.
Tensor attention_mask(const WindowLayout& layout, real forbidden = -100);

/// bias[h, i, j] = table[relative_position_index(i, j), h].
/// @param table ((2·window₀ − 1)(2·window₁ − 1), heads)
/// @return (heads, area, area), area = window₀ · window₁
/// Saves: the index.
/// Source: Liu et al. 2021, arXiv:2103.14030, equation 4.
Tensor relative_position_bias(const Tensor& table, Size2 window);

struct AttentionOptions {
  int64_t num_heads = 1;
  real scale = 1;      ///< of q · kᵀ
  real drop_rate = 0;  ///< dropout of the attention probabilities
  DrawKey draw;        ///< of this dropout
};

/// Multi-head self-attention within (shifted) windows: softmax(scale · q kᵀ + bias + mask) v. Roll,
/// partition, mask and reverse are done by indexing, without copies.
/// @param qkv (B, H, W, 3C): q, k and v in this order, each (num_heads, C / num_heads); H × W is
///     the padded map of the layout
/// @param table relative position bias table, ((2·window₀ − 1)(2·window₁ − 1), num_heads)
/// @return (B, H, W, C), the heads concatenated
/// Saves: qkv, the bias of each pair of tokens, index tables, and the maximum and 1 / sum of each
///     row of the softmax. The backward pass computes the probabilities again.
/// Source: Liu et al. 2021, arXiv:2103.14030, section 3.2 and equation 4.
Tensor window_attention(const Tensor& qkv, const Tensor& table, const WindowLayout& layout,
                        const AttentionOptions& options);

/// Global multi-head self-attention over all tokens of an image: softmax(scale · q kᵀ) v.
/// @param qkv (B, N, 3C): q, k and v in this order, each (num_heads, C / num_heads)
/// @return (B, N, C), the heads concatenated
/// Saves: qkv, an index table, and the maximum and 1 / sum of each row of the softmax.
/// Source: Vaswani et al. 2017, arXiv:1706.03762; Dosovitskiy et al. 2021, arXiv:2010.11929.
Tensor attention(const Tensor& qkv, const AttentionOptions& options);

/// Normalizes q and k, so that attention with scale 1 becomes scaled cosine attention. Per token
/// and head, q becomes q / max(|q|, 1e-12) · exp(min(logit_scale, ln 100)), k becomes k / max(|k|,
/// 1e-12), and v is unchanged.
/// @param qkv (…, 3C): q, k and v in this order, each (num_heads, C / num_heads)
/// @param logit_scale one element per head under any shape, such as (heads, 1, 1); its gradient is
///     0 above ln 100
/// @return the shape of qkv
/// Saves: qkv, logit_scale, and 1 / max(|q|, 1e-12) and 1 / max(|k|, 1e-12).
/// Source: Swin Transformer V2, Liu et al. 2022, arXiv:2111.09883, section 3.2, equation 2.
Tensor cosine_qkv(const Tensor& qkv, const Tensor& logit_scale, int64_t num_heads);

}  // namespace swin::autograd

// Three more sections.
#include "autograd/ops/losses.h"    // IWYU pragma: export
#include "autograd/ops/regions.h"   // IWYU pragma: export
#include "autograd/ops/residual.h"  // IWYU pragma: export
