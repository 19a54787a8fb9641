// Vectors of length one, and the normalization of q and k in scaled cosine attention, on the joint
// array of q, k and v.
#pragma once
#include <cstdint>

#include "autograd/kernels/gradient_target.h"
#include "base/isa.h"

namespace swin::autograd::kernels {

/// y = x r for every row of x (rows, dim), with r = 1 / max(|x|, 1e-12), as torch's F.normalize.
/// @param inverse (rows): r, saved for backward; may be null
extern const base::Kernel<void(const real* x, real* y, real* inverse, int64_t rows, int64_t dim)>
    l2_normalize_forward;
/// dx = r (dy − x̂ (x̂ · dy)) with x̂ = x r, or r dy if |x| is below 1e-12.
extern const base::Kernel<void(const real* dy, const real* x, const real* inverse,
                               GradientTarget dx, int64_t rows, int64_t dim)>
    l2_normalize_backward;

constexpr real kMaxLogitScale = static_cast<real>(4.605170185988091);  ///< ln 100

/// y = q r_q e, k r_k, v, where r = 1 / max(|·|, 1e-12) and e = exp(min(logit_scale, ln 100)).
/// @param qkv, y (rows, 3, heads, head_dim)   @param logit_scale (heads)
/// @param inverse (rows, 2, heads): r of q and k, saved for backward; may be null
/// Source: Liu et al. 2022, arXiv:2111.09883, equation 2; the norm as in torch's F.normalize.
extern const base::Kernel<void(const real* qkv, const real* logit_scale, real* y, real* inverse,
                               int64_t rows, int64_t heads, int64_t head_dim)>
    cosine_qkv_forward;
/// dq = r e (dy − q̂ (q̂ · dy)) with q̂ = q r, or r e dy if |q| is below 1e-12.
/// dk is the same without e.
/// dlogit_scale = e Σ q̂ · dy, zero above ln 100.
extern const base::Kernel<void(const real* dy, const real* qkv, const real* logit_scale,
                               const real* inverse, GradientTarget dqkv,
                               GradientTarget dlogit_scale, int64_t rows, int64_t heads,
                               int64_t head_dim)>
    cosine_qkv_backward;

}  // namespace swin::autograd::kernels
