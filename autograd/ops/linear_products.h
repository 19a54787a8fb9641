// The matrix products of y = x · weightᵀ + bias, for linear and for the ops that contain such
// layers.
#pragma once
#include "autograd/kernels/gemm.h"
#include "autograd/tensor/tensor.h"

namespace swin::autograd {

/// y (rows, out) = x (rows, in) · weightᵀ + bias, to be given to gemm.
/// @param weight (out, in)
/// @param bias (out), or undefined
kernels::GemmArguments linear_product(const real* x, const Tensor& weight, const Tensor& bias,
                                      real* y, int64_t rows);
/// dx (rows, in) = dy (rows, out) · weight, to be given to gemm.
kernels::GemmArguments input_product(const real* dy, const Tensor& weight, GradientTarget dx,
                                     int64_t rows);
/// The gradients of weight and bias, where they need one: dyᵀ · x, and dy summed over its rows.
/// @param x not read if weight needs no gradient
void weight_gradients(const real* dy, const real* x, const Tensor& weight, const Tensor& bias,
                      int64_t rows);

/// These, and before them dx where it is needed, in panels of rows where that is faster.
void linear_gradients(const real* dy, const real* x, const Tensor& weight, const Tensor& bias,
                      int64_t rows, bool dx_needed, GradientTarget dx);

}  // namespace swin::autograd
