// The windows that a file's derived tables are of.
#pragma once
#include <cstdint>
#include <optional>

#include "weights/dialects.h"

namespace swin::weights {

using layers::ModelConfig;
using layers::Size2;

/// What the tables in a file, or the config.json beside it, say of one stage.
struct SavedWindow {
  std::optional<Size2> window;  ///< empty where nothing tells it
  /// Swin V2: side of the window the coordinates are divided by; 0: the window's own.
  int64_t pretrained = 0;
  bool coordinates = false;  ///< whether relative_coords_table told it
};
SavedWindow saved_window(const WeightFile& file, int64_t stage);

/// Compares the tables of a file with those its model would have: two configs that differ in the
/// windows alone give parameters of the same shapes, and other numbers, above all in Swin V2.
/// @throws base::WeightError naming the first table that is of other windows.
void require_windows(const WeightFile& file, const ModelConfig& config);

}  // namespace swin::weights
