// What other libraries do with weights where their files do not say it.
#pragma once
#include <string>
#include <vector>

#include "weights/dialects.h"

namespace swin::weights {

using layers::ModelConfig;
using layers::PadMode;
using layers::WindowShrink;

/// How a library treats maps that are smaller than a window or not divided by it
/// (docs/numerics.md, "Padding"). The official code refuses to pad; it has our default here.
struct Conventions {
  WindowShrink window_shrink = WindowShrink::official;
  PadMode pad_mode = PadMode::pad_then_roll;
};
Conventions conventions_of(Dialect dialect);

/// Where a library computes other numbers than the model of `config` from the same weights, on
/// images of config.image_size: a sentence each, empty where the logits are equal.
std::vector<std::string> computed_otherwise(Dialect dialect, const ModelConfig& config);

}  // namespace swin::weights
