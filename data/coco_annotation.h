// An annotation or a result, from its entry, and its mask.
#pragma once
#include <cstdint>
#include <optional>
#include <string>

#include "base/errors.h"
#include "data/coco_entries.h"
#include "data/coco_file.h"

namespace swin::data {

/// @throws DataError with the field for the place.
template <class T>
const T& required(const std::optional<T>& value, const char* field) {
  if (!value) throw base::DataError(field, "found none, expected one");
  return *value;
}

/// Box, mask, crowd and score, and the faults that show without the lists of the file.
/// @throws DataError with the field for the place.
CocoAnnotation annotation_of(const CocoEntry& entry);

/// @throws DataError where the file has changed.
Mask read_mask(const files::MappedFile& file, const CocoAnnotation& annotation);
/// The mask of an annotation as runs, of the size of its image.
/// @throws DataError without a mask; as rasterize.
RunLengths runs_of(const files::MappedFile& file, const CocoAnnotation& annotation,
                   const CocoImage& image, const std::string& place);
/// @throws DataError: a mask of runs has not the size of its image.
[[noreturn]] void refuse_mask(int64_t height, int64_t width, const CocoImage& image,
                              const std::string& place);

}  // namespace swin::data
