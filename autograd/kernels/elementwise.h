// Elementwise kernels.
#pragma once
#include <cstdint>

#include "autograd/kernels/gradient_target.h"
#include "base/isa.h"

namespace swin::autograd::kernels {

/// y = a + b.
extern const base::Kernel<void(const real* a, const real* b, real* y, int64_t numel)> add_forward;

/// y = a · b; da = dy · b.
extern const base::Kernel<void(const real* a, const real* b, real* y, int64_t numel)>
    multiply_forward;
extern const base::Kernel<void(const real* dy, const real* b, GradientTarget da, int64_t numel)>
    multiply_backward;

/// y = eˣ. Its backward is multiply_backward with y.
extern const base::Kernel<void(const real* x, real* y, int64_t numel)> exp_forward;

/// y = x Φ(x), the exact GELU.
extern const base::Kernel<void(const real* x, real* y, int64_t numel)> gelu_forward;
/// dx = dy (Φ(x) + x φ(x)).
extern const base::Kernel<void(const real* dy, const real* x, GradientTarget dx, int64_t numel)>
    gelu_backward;

/// y = max(x, 0); dx = dy where y is positive.
extern const base::Kernel<void(const real* x, real* y, int64_t numel)> relu_forward;
extern const base::Kernel<void(const real* dy, const real* y, GradientTarget dx, int64_t numel)>
    relu_backward;

/// y = 1 / (1 + e⁻ˣ); dx = dy y (1 − y).
extern const base::Kernel<void(const real* x, real* y, int64_t numel)> sigmoid_forward;
extern const base::Kernel<void(const real* dy, const real* y, GradientTarget dx, int64_t numel)>
    sigmoid_backward;

/// y = factor · x.
extern const base::Kernel<void(const real* x, real factor, real* y, int64_t numel)> scale_forward;
extern const base::Kernel<void(const real* dy, real factor, GradientTarget dx, int64_t numel)>
    scale_backward;

/// Selects random numbers: sample s uses Random(seed, stream, step, sample(s)).
struct DrawKey {
  uint64_t seed = 0, stream = 0, step = 0, first_sample = 0;
  const int32_t* samples = nullptr;  ///< null: the tensor holds all samples from first_sample on
  [[gnu::always_inline]] uint64_t sample(int64_t s) const {
    return first_sample + static_cast<uint64_t>(samples ? samples[s] : s);
  }
};

/// y = x / keep where the element's uniform draw is below keep, else 0.
/// @param x, y (batch, numel_per_sample)
extern const base::Kernel<void(const real* x, real* y, int64_t batch, int64_t numel_per_sample,
                               real keep, const DrawKey& key)>
    dropout_forward;
extern const base::Kernel<void(const real* dy, GradientTarget dx, int64_t batch,
                               int64_t numel_per_sample, real keep, const DrawKey& key)>
    dropout_backward;

/// The same with one draw per sample (stochastic depth).
extern const base::Kernel<void(const real* x, real* y, int64_t batch, int64_t numel_per_sample,
                               real keep, const DrawKey& key)>
    drop_path_forward;
extern const base::Kernel<void(const real* dy, GradientTarget dx, int64_t batch,
                               int64_t numel_per_sample, real keep, const DrawKey& key)>
    drop_path_backward;

/// The same with one draw per sample and channel, element `channel` of the sample: y = x / keep or
/// 0, forward and backward.
/// @param x, y (batch, tokens, channels)
extern const base::Kernel<void(const real* x, GradientTarget y, int64_t batch, int64_t tokens,
                               int64_t channels, real keep, const DrawKey& key)>
    drop_channels;

}  // namespace swin::autograd::kernels
