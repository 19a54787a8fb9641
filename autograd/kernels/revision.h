// The number of times that the results of the kernels have changed in their last bits. Checkpoints
// store it, so that a run which goes on with other kernels says that its bits will differ.
#pragma once

namespace swin::autograd::kernels {

/// Raise it with every change of an order of summation, of a tile or of a library in use.
constexpr int kRevision = 2;

}  // namespace swin::autograd::kernels
