// Conventions of other libraries that their weight files do not state.
#pragma once
#include <string>
#include <vector>

#include "weights/dialects.h"

namespace swin::weights {

/// What a library does with maps that are smaller than the window or not a multiple of it
/// (docs/numerics.md, "Padding"). The official code refuses to pad; its entry is our default.
struct Conventions {
  layers::WindowShrink window_shrink = layers::WindowShrink::official;
  layers::PadMode pad_mode = layers::PadMode::pad_then_roll;
};
Conventions conventions_of(Dialect dialect);

/// The reasons why a library computes other logits than the model of `config` from the same
/// weights, on images of config.image_size: one sentence each, empty if the logits are equal.
std::vector<std::string> computed_otherwise(Dialect dialect, const ModelConfig& config);

/// Likewise for a detector, and what its library needs besides the weights.
std::vector<std::string> computed_otherwise(Dialect dialect, const DetectorHeads& heads);

}  // namespace swin::weights
