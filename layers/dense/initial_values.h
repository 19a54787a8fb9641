// Initial values of the parts of a detector, by the library whose recipe a model follows.
#pragma once
#include <cmath>

#include "layers/scope.h"

namespace swin::layers {

enum class InitialValues { mmdetection, torchvision };

/// ±√(6 / (fan_in + fan_out)).
/// Source: Glorot and Bengio 2010, "Understanding the difficulty of training deep feedforward
/// neural networks".
inline Initializer xavier_uniform(int64_t fan_in, int64_t fan_out) {
  return Initializer::uniform(std::sqrt(6.0 / static_cast<double>(fan_in + fan_out)));
}

/// ±√(gain / fan_in): gain 1 is PyTorch's own default of a linear layer, weight and bias; gain 3
/// keeps the size of what goes through a layer without activation.
inline Initializer uniform_fan_in(int64_t fan_in, double gain) {
  return Initializer::uniform(std::sqrt(gain / static_cast<double>(fan_in)));
}

}  // namespace swin::layers
