// Convolutions of channels-last maps, as matrix products whose rows are found through tables of
// pointers: each tap of the weight reads a whole pixel, so nothing but the weight is copied. A
// pixel outside of the map is a row of zeros.
#pragma once
#include <cstdint>

#include "autograd/kernels/gradient_target.h"
#include "base/isa.h"

namespace swin::autograd::kernels {

/// y[b, i, j, o] = bias[o] + Σ weight[o, c, u, v] · x[b, i · stride + u − padding, j · stride + v −
/// padding, c] over c, u and v.
struct Convolution {
  int64_t batch, height, width, channels;       ///< of x
  int64_t out_height, out_width, out_channels;  ///< of y
  int64_t side, stride, padding;                ///< weight (out_channels, channels, side, side)
  int64_t taps() const { return side * side; }
};

/// Which product reads the weight: from x to y, or from y to x.
enum class Direction : bool { forward, backward };

/// Elements of the packed weight: a product's B for each tap, in strips (packed_product.h).
extern const base::Kernel<int64_t(const Convolution& c, Direction direction)>
    convolution_packed_numel;
extern const base::Kernel<void(const real* weight, const Convolution& c, Direction direction,
                               real* packed)>
    pack_convolution;

/// @param packed the weight packed for Direction::forward   @param bias (out_channels), or null;
/// only where y is stored
extern const base::Kernel<void(const real* x, const real* packed, const real* bias,
                               GradientTarget y, const Convolution& c)>
    convolution_forward;
/// dx = Σ over the taps of dy · weight. With a bias this is the transposed convolution.
/// @param packed the weight packed for Direction::backward   @param bias (channels), or null; only
/// where dx is stored
extern const base::Kernel<void(const real* dy, const real* packed, const real* bias,
                               GradientTarget dx, const Convolution& c)>
    convolution_backward_input;
/// dweight = Σ over the pixels of dy · x, in an order of the shape alone.
extern const base::Kernel<void(const real* dy, const real* x, GradientTarget dweight,
                               const Convolution& c)>
    convolution_backward_weight;

}  // namespace swin::autograd::kernels
