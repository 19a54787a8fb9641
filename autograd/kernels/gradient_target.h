// Where a backward kernel writes: the first gradient of a step stores, later ones add.
#pragma once
#include "base/real.h"

namespace swin::autograd {

struct GradientTarget {
  /// Null: nobody needs this gradient, skip it (also every target of a dry run).
  real* data = nullptr;
  bool add = false;  ///< add to what is there instead of storing
  explicit operator bool() const { return data != nullptr; }
};

}  // namespace swin::autograd
