// The key of an op's random draws.
#pragma once
#include <cstdint>
#include <memory>
#include <vector>

#include "autograd/kernels/elementwise.h"

namespace swin::autograd {

/// Selects the random numbers of a dropout op. Sample s of the tensor uses the draws of sample
/// first_sample + s of the training step, so micro-batches draw what the whole batch would; of
/// first_sample + samples[s] where the tensor holds only some samples of its slice.
struct DrawKey : kernels::DrawKey {
  using Samples = std::shared_ptr<const std::vector<int32_t>>;
  Samples owner = nullptr;  ///< of the memory that `samples` points to
};

}  // namespace swin::autograd
