// Shifted-window attention on a map. Windows are read and written through an index table, without
// the copies of roll, partition and reverse.
// Source: Liu et al. 2021, arXiv:2103.14030, section 3.2.
#pragma once
#include <cstdint>

#include "autograd/kernels/elementwise.h"
#include "autograd/kernels/gradient_target.h"
#include "autograd/kernels/window_layout.h"
#include "base/isa.h"

namespace swin::autograd::kernels {

/// N = tokens per window; nW = windows per image; C = heads · head_dim.
struct WindowAttention {
  WindowLayout layout;
  int64_t batch, heads, head_dim;
  /// (nW, N): for each token of each window, its row in the map; a permutation of the map.
  const int32_t* rows;
  /// (nW, N) region labels: a query attends to the keys with its own label; none attends to
  /// negative labels. Null: every query attends to every key.
  const int32_t* labels;
  /// (heads, N, padded N), as made by expand_position_bias. Null: no bias.
  const real* bias;
  real scale;
  real keep = 1;  ///< 1 − attention dropout
  DrawKey draw;   ///< of attention dropout, per image

  int64_t tokens() const { return layout.tokens(); }    ///< N
  int64_t windows() const { return layout.windows(); }  ///< nW
  int64_t map_rows() const { return layout.padded[0] * layout.padded[1]; }
};

/// N rounded up to whole vectors of the instruction set in use.
extern const base::Kernel<int64_t(int64_t tokens)> padded_tokens;

/// @param qkv (batch, map rows, 3 · C): q, k, v, each heads × head_dim
/// @param y (batch, map rows, C)
/// @param row_max, row_inverse (batch, nW, heads, N): maximum, times log₂ e, and 1 / sum
///     of the softmax, saved for backward; may be null
extern const base::Kernel<void(const WindowAttention& shape, const real* qkv, real* y,
                               real* row_max, real* row_inverse)>
    window_attention_forward;
/// Computes the probabilities again from qkv.
/// @param dbias (heads, N, padded N), overwritten; may be null
extern const base::Kernel<void(const WindowAttention& shape, const real* dy, const real* qkv,
                               const real* row_max, const real* row_inverse, GradientTarget dqkv,
                               real* dbias)>
    window_attention_backward;

/// bias[h, i, j] = log₂ e · table[relative_position(i, j), h]; −1e30 in the padding of a row.
/// @param table ((2·window₀ − 1)(2·window₁ − 1), heads)
/// @param bias (heads, N, padded N)
extern const base::Kernel<void(const real* table, Size2 window, int64_t heads, real* bias)>
    expand_position_bias;
/// The gradient of `table`. The padding of dbias is not read.
/// @param dbias (heads, N, padded N), as of window_attention_backward: without the factor log₂ e
extern const base::Kernel<void(const real* dbias, Size2 window, int64_t heads,
                               GradientTarget dtable)>
    collect_position_bias;

}  // namespace swin::autograd::kernels
