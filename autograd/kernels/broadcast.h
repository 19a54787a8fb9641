// Sums and copies of tensors of which one is repeated along some axes.
#pragma once
#include <cstdint>

#include "autograd/kernels/gradient_target.h"

namespace swin::autograd::kernels {

/// y (numel of dims) = x + b, b broadcast: side i of b is dims[i] or 1.
void broadcast_add_forward(const real* x, const real* b, real* y, int rank, const int64_t* dims,
                           const int64_t* b_dims);

/// The same without x.
void broadcast_forward(const real* b, real* y, int rank, const int64_t* dims,
                       const int64_t* b_dims);

/// db = Σ of dy over the axes where b was broadcast, in row-major order.
void broadcast_backward(const real* dy, GradientTarget db, int rank, const int64_t* dims,
                        const int64_t* b_dims);

}  // namespace swin::autograd::kernels
