// Sums in an order that depends on the shape alone: tiles write partial sums, which are added in
// order.
#pragma once
#include <cstdint>

#include "autograd/kernels/gradient_target.h"

namespace swin::autograd::kernels {

/// y (rows, columns; row stride ldy) = Σ of partials (count, rows, columns) over count, in order.
void sum_partials(const real* partials, int64_t count, int64_t rows, int64_t columns,
                  GradientTarget y, int64_t ldy);

/// y (columns) = Σ of x (rows, columns) over the rows.
void sum_rows(const real* x, int64_t rows, int64_t columns, GradientTarget y);

/// y (batch, dim) = mean of x (batch, tokens, dim) over the tokens.
void mean_tokens_forward(const real* x, int64_t batch, int64_t tokens, int64_t dim, real* y);
void mean_tokens_backward(const real* dy, int64_t batch, int64_t tokens, int64_t dim,
                          GradientTarget dx);

}  // namespace swin::autograd::kernels
