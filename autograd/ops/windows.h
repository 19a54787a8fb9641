// The kernel of window attention with all that it reads, for the ops that contain it.
#pragma once
#include "autograd/kernels/window_attention.h"
#include "autograd/ops/ops.h"
#include "autograd/tape/op.h"

namespace swin::autograd {

/// The arguments of the kernel, with the memory that they point to, which must live until the
/// backward pass.
struct Windows {
  kernels::WindowAttention shape{};
  Array<int32_t> rows, labels;
  Array<real> bias;  ///< empty for attention without a table
  DrawKey::Samples samples;

  int64_t token_rows() const { return shape.batch * shape.map_rows(); }
};

/// Checks the arguments of window_attention.
void check_windows(const Op& op, const Shape& qkv, const Tensor& table, const WindowLayout& layout,
                   int64_t heads);
Windows windows_of(const WindowLayout& layout, int64_t batch, int64_t channels,
                   const AttentionOptions& options);
/// The same with the position bias of a table.
Windows windows_of(const WindowLayout& layout, int64_t batch, int64_t channels,
                   const AttentionOptions& options, const Tensor& table);

/// The maximum and 1 / sum of each row of the softmax, where the backward pass needs them.
struct SoftmaxStatistics {
  SoftmaxStatistics(const Windows& w, bool saved)
      : row_max(saved ? w.token_rows() * w.shape.heads : 0), row_inverse(row_max.size()) {}
  Array<real> row_max, row_inverse;
};

/// @param y (batch, map, C)
/// @return the multiply-adds
int64_t attention_forward(const Windows& w, const real* qkv, real* y, const SoftmaxStatistics& s);
void attention_backward(const Windows& w, const real* dy, const real* qkv,
                        const SoftmaxStatistics& s, GradientTarget dqkv, const Gradient& dtable);

}  // namespace swin::autograd
