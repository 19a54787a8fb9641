// What the names of segmenters and detectors share: a backbone under "backbone." beside the heads.
#pragma once
#include <cstdint>
#include <set>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "weights/dialects_rows.h"

namespace swin::weights {

inline constexpr std::string_view kBackbonePrefix = "backbone.";

/// Whether a name, in any dialect, is of a segmenter's or a detector's layers after the backbone.
bool is_dense_head(std::string_view name);

/// The rows of all heads in a dialect. In torchvision's they are those of detectors.
std::vector<Row> dense_rows(Dialect dialect);

/// The official names that the heads of a segmenter or a detector lack; empty if there are none.
/// @param names official   @param num_stages of the backbone
std::vector<std::string> missing_dense_names(const std::set<std::string>& names,
                                             int64_t num_stages);

/// The arrays of the backbone of a segmenter or a detector under the names of a backbone:
/// backbone.x becomes x, the heads are left out. Arrays of other models are returned unchanged.
std::vector<NamedArray> backbone_of(std::span<const NamedArray> arrays);

/// How the rows of an array of a head belong to the classes.
struct ClassRowsOf {
  int64_t per_class = 1;    ///< successive rows of one class: 4 of the box deltas
  bool background = false;  ///< one more row, the last, is the background's
  int64_t rows(int64_t classes) const { return classes * per_class + (background ? 1 : 0); }
};
/// Empty if the rows of an array with this official name, of any kind of model, are no classes.
std::optional<ClassRowsOf> class_rows_of(std::string_view name);

}  // namespace swin::weights
