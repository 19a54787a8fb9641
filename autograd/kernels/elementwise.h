// Elementwise kernels.
#pragma once
#include <cstdint>

#include "autograd/kernels/gradient_target.h"

namespace swin::autograd::kernels {

/// y = a + b.
void add_forward(const real* a, const real* b, real* y, int64_t numel);

/// y = a · b; da = dy · b.
void multiply_forward(const real* a, const real* b, real* y, int64_t numel);
void multiply_backward(const real* dy, const real* b, GradientTarget da, int64_t numel);

/// y = eˣ. Its backward is multiply_backward with y.
void exp_forward(const real* x, real* y, int64_t numel);

/// y = x Φ(x), the exact GELU.
void gelu_forward(const real* x, real* y, int64_t numel);
/// dx = dy (Φ(x) + x φ(x)).
void gelu_backward(const real* dy, const real* x, GradientTarget dx, int64_t numel);

/// y = max(x, 0); dx = dy where y is positive.
void relu_forward(const real* x, real* y, int64_t numel);
void relu_backward(const real* dy, const real* y, GradientTarget dx, int64_t numel);

/// y = 1 / (1 + e⁻ˣ); dx = dy y (1 − y).
void sigmoid_forward(const real* x, real* y, int64_t numel);
void sigmoid_backward(const real* dy, const real* y, GradientTarget dx, int64_t numel);

/// y = factor · x.
void scale_forward(const real* x, real factor, real* y, int64_t numel);
void scale_backward(const real* dy, real factor, GradientTarget dx, int64_t numel);

/// Selects random numbers: sample s uses Random(seed, stream, step, first_sample + s).
struct DrawKey {
  uint64_t seed = 0, stream = 0, step = 0, first_sample = 0;
};

/// y = x / keep where the element's uniform draw is below keep, else 0.
/// @param x, y (batch, numel_per_sample)
void dropout_forward(const real* x, real* y, int64_t batch, int64_t numel_per_sample, real keep,
                     const DrawKey& key);
void dropout_backward(const real* dy, GradientTarget dx, int64_t batch, int64_t numel_per_sample,
                      real keep, const DrawKey& key);

/// The same with one draw per sample (stochastic depth).
void drop_path_forward(const real* x, real* y, int64_t batch, int64_t numel_per_sample, real keep,
                       const DrawKey& key);
void drop_path_backward(const real* dy, GradientTarget dx, int64_t batch, int64_t numel_per_sample,
                        real keep, const DrawKey& key);

}  // namespace swin::autograd::kernels
