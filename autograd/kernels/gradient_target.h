// Where a backward kernel writes. The first gradient of a step is stored, later ones are added.
#pragma once
#include "base/real.h"

namespace swin::autograd {

struct GradientTarget {
  /// Null: the gradient is not needed, or this is a dry run; the kernel skips it.
  real* data = nullptr;
  bool add = false;  ///< add to the values in `data` instead of overwriting them
  explicit operator bool() const { return data != nullptr; }
};

}  // namespace swin::autograd
