// The names of a detector's layers after its backbone: Mask R-CNN, Faster R-CNN and Cascade Mask
// R-CNN as mmdetection calls them in both generations, which are the official names here, and the
// first two as torchvision does.
//
// The classes come first in the official names and the background last. torchvision begins with the
// background, also in its box deltas and mask logits, where nothing reads that slot.
#pragma once
#include <cstdint>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "weights/dense_names.h"

namespace swin::weights {

/// Of torchvision's detectors: the backbone lies in a `body` beside its feature pyramid.
inline constexpr std::string_view kBodyPrefix = "backbone.body.";
inline constexpr std::string_view kMaskHead = "roi_head.mask_head.";

/// Whether a name, in any dialect, is of a detector's layers after the backbone.
bool is_detector_head(std::string_view name);
/// Whether a name, in any dialect, is one that only Mask R-CNN, Faster R-CNN and their cascade
/// have: of the box head's linear layers.
bool is_box_head(std::string_view name);
/// Whether a name is one of torchvision's.
bool is_torchvision_detector(std::string_view name);

/// The rows of the layers after the backbone in a dialect; none if that library has no such model.
/// torchvision's names before version 0.14 are read, too.
std::vector<Row> detector_rows(Dialect dialect);

/// The official names that the layers lack: the pyramid has a level for each stage. A mask head may
/// be absent.   @param names official
std::vector<std::string> missing_detector_names(const std::set<std::string>& names,
                                                int64_t num_stages);

/// As weights/dense_names.h's class_rows_of, for a detector alone.
std::optional<ClassRowsOf> detector_class_rows(std::string_view name);

/// "Mask R-CNN", "Faster R-CNN" or "Cascade Mask R-CNN", by the names of a detector's arrays.
std::string detector_name(const WeightFile& file);

/// The official name of the array whose rows are the classes and the background; the first of a
/// cascade.
std::string detector_classes(bool cascade);

}  // namespace swin::weights
