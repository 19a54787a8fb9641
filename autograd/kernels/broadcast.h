// Broadcasting addition and copies.
#pragma once
#include <cstdint>

#include "autograd/kernels/gradient_target.h"
#include "base/isa.h"

namespace swin::autograd::kernels {

/// y = x + b with b broadcast: x and y have `dims`, and b_dims[i] is dims[i] or 1.
extern const base::Kernel<void(const real* x, const real* b, real* y, int rank, const int64_t* dims,
                               const int64_t* b_dims)>
    broadcast_add_forward;

/// y = b, broadcast to `dims`.
extern const base::Kernel<void(const real* b, real* y, int rank, const int64_t* dims,
                               const int64_t* b_dims)>
    broadcast_forward;

/// db = Σ dy over the axes along which b was broadcast, in row-major order.
extern const base::Kernel<void(const real* dy, GradientTarget db, int rank, const int64_t* dims,
                               const int64_t* b_dims)>
    broadcast_backward;

}  // namespace swin::autograd::kernels
