// Broadcasting addition and copies.
#pragma once
#include <cstdint>

#include "autograd/kernels/gradient_target.h"

namespace swin::autograd::kernels {

/// y = x + b with b broadcast: x and y have `dims`, and b_dims[i] is dims[i] or 1.
void broadcast_add_forward(const real* x, const real* b, real* y, int rank, const int64_t* dims,
                           const int64_t* b_dims);

/// y = b, broadcast to `dims`.
void broadcast_forward(const real* b, real* y, int rank, const int64_t* dims,
                       const int64_t* b_dims);

/// db = Σ dy over the axes along which b was broadcast, in row-major order.
void broadcast_backward(const real* dy, GradientTarget db, int rank, const int64_t* dims,
                        const int64_t* b_dims);

}  // namespace swin::autograd::kernels
