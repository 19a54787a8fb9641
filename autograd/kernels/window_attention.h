// Shifted-window attention on a map, the windows found by index: no roll, partition or reverse is
// copied. Source: Liu et al. 2021, arXiv:2103.14030, section 3.2.
#pragma once
#include <cstdint>

#include "autograd/kernels/elementwise.h"
#include "autograd/kernels/gradient_target.h"

namespace swin::autograd::kernels {

/// N = window area; nW = windows of one image; C = heads · head_dim.
struct WindowAttention {
  int64_t batch, windows, tokens /* N */, heads, head_dim;
  /// (nW, N): the map row of each token of each window; a permutation of the map.
  const int32_t* rows;
  /// (nW, N) region labels: a key is allowed where its label equals the query's and is not
  /// negative. Null: every key is allowed.
  const int32_t* labels;
  /// (heads, N, padded N): relative position bias, each row padded with anything to whole vectors.
  /// Null: none.
  const real* bias;
  real scale;
  real keep = 1;  ///< 1 − attention dropout
  DrawKey draw;   ///< of attention dropout; a sample is an image

  int64_t map_rows() const { return windows * tokens; }
};

/// @param qkv (batch, map rows, 3 · C): q, k, v, each heads × head_dim
/// @param y (batch, map rows, C)
/// @param row_max, row_inverse (batch, nW, heads, N): softmax's maximum and 1 / sum, saved for
/// backward (or null).
void window_attention_forward(const WindowAttention& shape, const real* qkv, real* y, real* row_max,
                              real* row_inverse);
/// Probabilities are recomputed from qkv. dbias is (heads, N, padded N), stored (never added to),
/// or null.
void window_attention_backward(const WindowAttention& shape, const real* dy, const real* qkv,
                               const real* row_max, const real* row_inverse, GradientTarget dqkv,
                               real* dbias);

/// bias (heads, N, padded N) = table[index] for a window of height × width; table is ((2h−1)(2w−1),
/// heads). The index is (yi − yj + h − 1)(2w − 1) + (xi − xj + w − 1), as published.
void expand_position_bias(const real* table, int64_t height, int64_t width, int64_t heads,
                          real* bias);
void collect_position_bias(const real* dbias, int64_t height, int64_t width, int64_t heads,
                           GradientTarget dtable);

}  // namespace swin::autograd::kernels
