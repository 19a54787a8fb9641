// Sums in an order that depends on the shape alone: tiles write partial sums, which are added in
// order.
#pragma once
#include <cstdint>

#include "autograd/kernels/gradient_target.h"
#include "base/isa.h"

namespace swin::autograd::kernels {

/// y (rows, columns; row stride ldy) = Σ of partials (count, rows, columns) over count, in order.
extern const base::Kernel<void(const real* partials, int64_t count, int64_t rows, int64_t columns,
                               GradientTarget y, int64_t ldy)>
    sum_partials;

/// y (columns) = Σ of x (rows, columns) over the rows.
extern const base::Kernel<void(const real* x, int64_t rows, int64_t columns, GradientTarget y)>
    sum_rows;

/// y (batch, dim) = mean of x (batch, tokens, dim) over the tokens.
extern const base::Kernel<void(const real* x, int64_t batch, int64_t tokens, int64_t dim, real* y)>
    mean_tokens_forward;
extern const base::Kernel<void(const real* dy, int64_t batch, int64_t tokens, int64_t dim,
                               GradientTarget dx)>
    mean_tokens_backward;

}  // namespace swin::autograd::kernels
