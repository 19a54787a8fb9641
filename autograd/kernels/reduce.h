// Sums whose order is fixed by the shape: tiles write partial sums, which are added in order.
#pragma once
#include <cstdint>

#include "autograd/kernels/gradient_target.h"

namespace swin::autograd::kernels {

/// y (rows, columns; row stride ldy) = Σ over `count` partials (count, rows, columns), in order.
void sum_partials(const real* partials, int64_t count, int64_t rows, int64_t columns,
                  GradientTarget y, int64_t ldy);

/// y (columns) = Σ over rows of x (rows, columns).
void sum_rows(const real* x, int64_t rows, int64_t columns, GradientTarget y);

/// y (batch, dim) = mean over tokens of x (batch, tokens, dim).
void mean_tokens_forward(const real* x, int64_t batch, int64_t tokens, int64_t dim, real* y);
void mean_tokens_backward(const real* dy, int64_t batch, int64_t tokens, int64_t dim,
                          GradientTarget dx);

}  // namespace swin::autograd::kernels
