// Maps of another size whose pixels are weighted sums over the rows and the columns of a map:
// interpolation, averages of bins, and the gradients of both.
#pragma once
#include <cstdint>

#include "autograd/kernels/gradient_target.h"
#include "base/isa.h"

namespace swin::autograd::kernels {

/// What the indices of one axis are made of: index i is the sum of weights[e] · (index first[i] + e
/// − begin[i] of the other map) over e from begin[i] to begin[i + 1] − 1.
struct AxisSums {
  const int32_t* begin;  ///< (size + 1)
  const int32_t* first;  ///< (size)
  const real* weights;
};

/// y[b, i, j] = Σ rows' weights · Σ columns' weights · x[b, …, …], in order.
/// @param x (batch, height, width, channels)   @param y (batch, to_height, to_width, channels)
extern const base::Kernel<void(const real* x, GradientTarget y, int64_t batch, int64_t height,
                               int64_t width, int64_t to_height, int64_t to_width, int64_t channels,
                               const AxisSums& rows, const AxisSums& columns)>
    resample;

}  // namespace swin::autograd::kernels
