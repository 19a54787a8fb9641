// The MLP half of a block, y = x + factor · fc2(GELU(fc1(norm(x)))), by panels of rows: what lies
// between x and y, and between dy and dx, stays in the second cache. Pays where there are many rows
// and few channels, whose products are short of memory, not of arithmetic.
#pragma once
#include <cstdint>

#include "autograd/kernels/gradient_target.h"
#include "autograd/kernels/residual.h"
#include "base/isa.h"

namespace swin::autograd::kernels {

/// The rows and weights of a half. A packed weight is made by pack_b of its product.
struct MlpPanels {
  int64_t rows, dim, hidden;
  SampleRows at;  ///< the rows of x, y, dy and dx
  real factor;
  const real *x, *norm_weight, *norm_bias;
  const real* packed_fc1;  ///< forward: of · fc1ᵀ (dim, hidden); backward: of · fc1 (hidden, dim)
  const real* packed_fc2;  ///< forward: of · fc2ᵀ (hidden, dim); backward: of · fc2 (dim, hidden)
};

/// @param fc1_bias (hidden), fc2_bias (dim), or null
/// @param mean, rstd (rows), written
/// @param h (rows, hidden), written: the result of fc1; null: it is not kept
extern const base::Kernel<void(const MlpPanels& half, const real* fc1_bias, const real* fc2_bias,
                               real epsilon, real* mean, real* rstd, real* h, real* y)>
    mlp_panels_forward;

struct MlpGradients {
  /// In the order in which they are written.
  GradientTarget x, fc1, fc2, fc1_bias, fc2_bias, norm_weight, norm_bias;
};
/// Rows outside of half.at are not touched.
/// @param mean, rstd (rows), h (rows, hidden): as written by the forward
extern const base::Kernel<void(const MlpPanels& half, const real* mean, const real* rstd,
                               const real* dy, const real* h, const MlpGradients& to)>
    mlp_panels_backward;

}  // namespace swin::autograd::kernels
