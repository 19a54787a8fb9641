// y = norm(x) · weightᵀ + bias, or x · weightᵀ + bias, by panels of rows: between x and y, and
// between dy and dx, nothing but x, y, dy and dx moves through memory, each of them once. Pays
// where there are many rows and few channels.
#pragma once
#include <cstdint>

#include "autograd/kernels/gradient_target.h"
#include "autograd/kernels/residual.h"
#include "base/isa.h"

namespace swin::autograd::kernels {

struct LinearPanels {
  int64_t rows, in, out;
  const real* x;                      ///< rows `at` of (B, tokens, in)
  SampleRows at;                      ///< of x and dx
  const real* norm_weight = nullptr;  ///< (in); null: no norm
  const real* norm_bias = nullptr;    ///< (in)
};

struct LinearPanelGradients {
  /// In the order in which they are written.
  GradientTarget x, weight, bias, norm_weight, norm_bias;
};
/// @param packed of dy · weight (out, in)
/// @param dy (rows, out), compact
/// @param residual the gradient of x from elsewhere, rows `at`, which is added; may be null
/// @param mean, rstd (rows), as written by the forward; not read without a norm
extern const base::Kernel<void(const LinearPanels& layer, const real* packed, const real* mean,
                               const real* rstd, const real* dy, const real* residual,
                               const LinearPanelGradients& to)>
    linear_panels_backward;

/// @param packed of x · weightᵀ (in, out)
/// @param mean, rstd (rows), written if there is a norm
extern const base::Kernel<void(const LinearPanels& layer, const real* packed, const real* bias,
                               real epsilon, real* mean, real* rstd, real* y)>
    linear_panels_forward;

}  // namespace swin::autograd::kernels
