// The index of the language: every differentiable function there is. Each section of this file is
// one .cpp beside it, forward and backward adjacent; what they compute is in autograd/kernels, raw
// pointers only.
//
// Shapes are channels-last. Unless a line says otherwise every op throws base::ShapeError on shapes
// that do not fit, and the gradient goes to every tensor argument.
#pragma once
#include <cstdint>
#include <vector>

#include "autograd/kernels/elementwise.h"
#include "autograd/tensor/tensor.h"
#include "base/size2.h"

namespace swin::autograd {

using base::Size2;
/// Where the draws of a random op come from; sample s of the tensor is sample first_sample + s of
/// the step.
using DrawKey = kernels::DrawKey;

// ---- arithmetic.cpp -----------------------------------------------------------------------------

/// y = x · weightᵀ + bias.
/// @param x (…, in)   @param weight (out, in)   @param bias (out), or undefined.   @return (…, out)
/// Saves: x.
Tensor linear(const Tensor& x, const Tensor& weight, const Tensor& bias);

/// y = a · b, or a · bᵀ, batch by batch.
/// @param a (…, m, k)   @param b (…, k, n), transposed (…, n, k); same leading dims.
/// @return (…, m, n)
/// Saves: a, b.
Tensor matmul(const Tensor& a, const Tensor& b, bool transpose_b = false);

/// y = x + b; b's dims, aligned at the last axis, equal x's or are 1 (missing ones count as 1).
/// @return the shape of x. Saves: nothing; with equal shapes the memory of dy is handed on.
Tensor add(const Tensor& x, const Tensor& b);

/// x repeated: its dims, aligned at the last axis, equal shape's or are 1 (missing ones count as
/// 1). Saves: nothing; the gradient of a number is the sum over its copies, in row-major order.
Tensor broadcast_to(const Tensor& x, const Shape& shape);

/// y = factor · x. Saves: nothing.
Tensor scale(const Tensor& x, real factor);

/// y = x Φ(x), the exact GELU (erf, not tanh). Saves: x.
/// Source: Hendrycks and Gimpel 2016, arXiv:1606.08415.
Tensor gelu(const Tensor& x);

/// y = max(x, 0); at 0 the gradient is 0. Saves: y.
Tensor relu(const Tensor& x);

/// y = 1 / (1 + e⁻ˣ). Saves: y.
Tensor sigmoid(const Tensor& x);

/// y = softmax over the last axis. Saves: y.
Tensor softmax(const Tensor& x);

/// y = (x − mean) / √(variance + epsilon) · weight + bias over the last axis.
/// @param x (…, dim)   @param weight, bias (dim).   Saves: x, mean and 1/√ of each row.
Tensor layer_norm(const Tensor& x, const Tensor& weight, const Tensor& bias,
                  real epsilon = static_cast<real>(1e-5));

// ---- randomness.cpp -----------------------------------------------------------------------------

/// y = x / (1 − rate) where kept, else 0; every element by itself. Axis 0 counts samples.
/// @param rate in [0, 1).   Saves: nothing; the draws are computed again.
Tensor dropout(const Tensor& x, real rate, const DrawKey& key);

/// Stochastic depth: whole samples (axis 0) are dropped with probability `rate`, the others divided
/// by 1 − rate.
/// Source: Huang et al. 2016, arXiv:1603.09382.
Tensor drop_path(const Tensor& x, real rate, const DrawKey& key);

// ---- movement.cpp: moving tokens ----------------------------------------------------------------

/// The same numbers under another shape. Gradient: dy's memory is handed on.
Tensor reshape(const Tensor& x, const Shape& shape);

/// The parts one after the other along `axis` (negative: from the end).
/// @param parts at least one, every other dim equal.   Saves: nothing.
Tensor concat(const std::vector<Tensor>& parts, int axis);

/// Places begin … end − 1 of `axis` (negative: from the end).
/// @param begin, end 0 ≤ begin < end ≤ side.   Saves: nothing; what was cut off gets zeros.
Tensor slice(const Tensor& x, int axis, int64_t begin, int64_t end);

/// Axis i of y is axis axes[i] of x.
Tensor permute(const Tensor& x, const std::vector<int>& axes);

/// y[b, i, j] = x[b, (i − shift₀) mod H, (j − shift₁) mod W], as torch.roll does.
/// @param x (B, H, W, C)
Tensor roll(const Tensor& x, Size2 shift);

/// Zeros added below and to the right, or, where `to` is smaller, rows and columns cut off there.
/// @param x (B, H, W, C)   @return (B, to₀, to₁, C)
Tensor pad_or_crop(const Tensor& x, Size2 to);

/// Cuts a map into windows.
/// @param x (B, H, W, C)   @param window size in tokens; must divide H and W.
/// @return (B · H/window₀ · W/window₁, window₀ · window₁, C); windows of one image are consecutive,
/// row by row.
/// Source: Liu et al. 2021, arXiv:2103.14030, section 3.2.
Tensor window_partition(const Tensor& x, Size2 window);

/// The inverse of window_partition.
/// @param map size of the map to restore.
Tensor window_reverse(const Tensor& windows, Size2 window, Size2 map);

/// The 2 × 2 neighbors of every second token side by side, in the published order: (row 0, column
/// 0), (1, 0), (0, 1), (1, 1). Odd maps are padded with zeros below and to the right.
/// @param x (B, H, W, C)   @return (B, ⌈H/2⌉, ⌈W/2⌉, 4C)
/// Source: arXiv:2103.14030, section 3.1.
Tensor patch_merging(const Tensor& x);

/// Non-overlapping convolution: every patch × patch square becomes a token.
/// @param x (B, H, W, channels); patch divides H and W.
/// @param weight (dim, channels, patch, patch)
/// @param bias (dim)   @return (B, H/patch, W/patch, dim).   Saves: x.
Tensor patch_embed(const Tensor& x, const Tensor& weight, const Tensor& bias);

/// @param x (B, H, W, C)   @return (B, C), the mean over the map.
Tensor mean_tokens(const Tensor& x);

/// y = token where mask is 1, x where it is 0; x (1 − mask) + token · mask between.
/// @param x (B, H, W, C)   @param token C numbers of any shape, as (1, 1, C)
/// @param mask (B, H, W); gets no gradient.   Saves: mask.
/// Source: SimMIM, Xie et al. 2022, arXiv:2111.09886, section 3.1.
Tensor replace_tokens(const Tensor& x, const Tensor& token, const Tensor& mask);

// ---- attention.cpp ------------------------------------------------------------------------------

/// Where the windows of a map lie.
struct WindowGeometry {
  Size2 window{};  ///< size in tokens; it divides the map
  /// The map is rolled by −shift; regions that were not neighbors do not see each other.
  Size2 shift{};
  /// The map already is rolled (roll_then_pad): windows are taken as they lie, regions still hold.
  bool rolled = false;
  /// Rows and columns that hold tokens: keys outside are masked. {0, 0}: all.
  Size2 valid{};
};

/// The row of the map of each token of each window, (windows, window area).
std::vector<int32_t> window_rows(Size2 map, const WindowGeometry& geometry);
/// The region label of each token of each window, −1 for padding that must not be seen; empty where
/// every key of a window may be seen. Queries see keys of their own label.
std::vector<int32_t> window_labels(Size2 map, const WindowGeometry& geometry);
/// The same as a dense additive mask (windows, area, area) of 0 and −100, as the papers print.
Tensor attention_mask(Size2 map, const WindowGeometry& geometry);

/// bias[h, i, j] = table[index(i, j), h].
/// @param table ((2·window₀ − 1)(2·window₁ − 1), heads)   @return (heads, area, area)
Tensor relative_position_bias(const Tensor& table, Size2 window);
/// The published index, (area, area): row of the table for query i and key j.
std::vector<int32_t> relative_position_index(Size2 window);

struct AttentionOptions {
  int64_t num_heads = 1;
  real scale = 1;      ///< of q, before the product
  real drop_rate = 0;  ///< of the probabilities
  DrawKey draw;
};

/// softmax(scale · q kᵀ + bias + mask) v inside every (shifted) window, heads side by side; roll,
/// partition, mask and reverse are indexing.
/// @param qkv (B, H, W, 3C): q, k, v, each heads × head_dim.
/// @param table relative position bias table.   @return (B, H, W, C).
/// Saves: qkv and two numbers a row of scores; probabilities are computed again.
/// Source: arXiv:2103.14030, section 3.2 and equation 4.
Tensor window_attention(const Tensor& qkv, const Tensor& table, const WindowGeometry& geometry,
                        const AttentionOptions& options);

/// Global multi-head self-attention: softmax(scale · q kᵀ) v over all tokens of an image.
/// @param qkv (B, N, 3C): q, k, v, each heads × head_dim.   @return (B, N, C).
/// Saves: qkv and two numbers a row of scores.
/// Source: Vaswani et al. 2017, arXiv:1706.03762; Dosovitskiy et al. 2021, arXiv:2010.11929.
Tensor attention(const Tensor& qkv, const AttentionOptions& options);

/// What turns attention with scale 1 into scaled cosine attention: q and k of every token and head
/// become q / max(|q|, 1e-12) · exp(min(logit_scale, ln 100)) and k / max(|k|, 1e-12); v stays.
/// @param qkv (…, 3C): q, k, v, each heads × head_dim.
/// @param logit_scale one number a head, of any shape, as (heads, 1, 1); no gradient above ln 100.
/// @return the shape of qkv.   Saves: qkv, logit_scale and 1 / |q|, 1 / |k|.
/// Source: Swin Transformer V2, Liu et al. 2022, arXiv:2111.09883, section 3.3.
Tensor cosine_qkv(const Tensor& qkv, const Tensor& logit_scale, int64_t num_heads);

// ---- losses.cpp ---------------------------------------------------------------------------------

/// loss = −factor Σ target · log softmax(logits), summed over the batch.
/// @param logits (B, classes)   @param target (B, classes), a distribution a row; gets no gradient.
/// @param factor 1 / images of the whole batch.
/// @return one element. Saves: logits, target, log-sum-exp.
Tensor cross_entropy(const Tensor& logits, const Tensor& target, real factor);

/// loss = −factor Σ target · log σ(logits) + (1 − target) · log(1 − σ(logits)), summed over the
/// batch and the classes: every class is a question of its own. Finite for any finite logits.
/// @param logits (B, classes)   @param target (B, classes), each 0 … 1; gets no gradient.
/// @param factor 1 / (images of the whole batch · classes).
/// @return one element. Saves: logits, target.
Tensor binary_cross_entropy(const Tensor& logits, const Tensor& target, real factor);

}  // namespace swin::autograd
