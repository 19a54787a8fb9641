// The window sizes that a file's derived tables tell.
#pragma once
#include <cstdint>
#include <optional>

#include "weights/dialects.h"

namespace swin::weights {

/// What the tables in a file, or config.json in the same folder, say about one stage.
struct SavedWindow {
  std::optional<Size2> window;  ///< empty if unknown
  /// Swin V2: the window side that the coordinates are divided by; 0: the window's own.
  int64_t pretrained = 0;
  bool coordinates = false;  ///< whether relative_coords_table was found
};
SavedWindow saved_window(const WeightFile& file, int64_t stage);

/// Compares the derived tables of a file with those of the config's model. Two configs that differ
/// only in the windows can have parameters of the same shapes (always in Swin V2), but other
/// logits.
/// @throws base::WeightError naming the first table that belongs to other windows.
void require_windows(const WeightFile& file, const ModelConfig& config);

}  // namespace swin::weights
