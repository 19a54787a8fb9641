// Checks of autograd/kernels/small_product.h that are compiled for each instruction set, with
// GoogleTest's expectations inside.
#pragma once
#include "base/isa.h"

namespace swin::autograd::kernels {

extern const base::Kernel<void()> check_every_strip, check_padded_transposition;

}  // namespace swin::autograd::kernels
