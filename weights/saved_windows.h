// The window sizes that a file's derived tables tell.
#pragma once
#include <cstdint>

#include "layers/window_layout.h"
#include "weights/dialects.h"

namespace swin::weights {

using layers::WindowLayout;

/// What the tables in a file, or config.json in the same folder, say about one stage.
/// @return `window` and `pretrained` alone; the window is {0, 0} if nothing tells it
WindowLayout saved_windows(const WeightFile& file, int64_t stage);

/// Compares the derived tables of a file with those of the config's model. Two configs that differ
/// only in the windows can have parameters of the same shapes (always in Swin V2), but other
/// logits.
/// @throws base::WeightError naming the first table that belongs to other windows.
void require_windows(const WeightFile& file, const ModelConfig& config);

}  // namespace swin::weights
