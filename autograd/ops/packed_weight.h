// Weights as the product kernel reads them.
#pragma once
#include "autograd/kernels/gemm.h"
#include "autograd/tensor/array.h"
#include "autograd/tensor/tensor.h"

namespace swin::autograd {

/// `weight` packed for a product that has it as B. In inference and evaluation it is kept with the
/// weight for the next call; a training step changes the weights before they are used again. Null
/// where the product is to pack it itself, or does not read it packed.
const real* packed_weight(const Tensor& weight, const kernels::GemmArguments& product);

/// A weight (out, in) as the kernels of panels read it (kernels/panels.h). Empty in a dry run.
struct PackedWeight {
  Array<real> memory;  ///< empty if it is kept with the weight
  const real* data = nullptr;
};
/// For x · weightᵀ; in inference and evaluation it is kept with the weight.
PackedWeight packed_for_output(const Tensor& weight);
/// For dy · weight.
PackedWeight packed_for_input(const Tensor& weight);

}  // namespace swin::autograd
