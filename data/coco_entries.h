// The entries of COCO JSON, one after the other, with their fields checked by type.
#pragma once
#include <cstdint>
#include <functional>
#include <optional>
#include <string>

#include "data/coco_file.h"
#include "data/coco_segmentation.h"
#include "files/mapped_file.h"

namespace swin::data {

enum class CocoList { images, annotations, categories, results, other };

/// The fields that were given; null and empty lists count as not given.
struct CocoEntry {
  std::optional<CocoId> id, image_id;
  std::optional<int64_t> category_id, width, height;
  std::optional<double> area, score;
  std::optional<bool> crowd;
  bool ignore = false;
  std::optional<std::string> file_name, name;
  std::optional<CocoBox> box;
  Mask mask;
  bool short_polygons = false;            ///< polygons were left out of the mask
  uint64_t mask_begin = 0, mask_end = 0;  ///< its bytes in the file; equal: not given
};

/// Calls `take` with each entry of the lists of a file (or of the one list of results). Errors that
/// it throws get the name of the entry.
/// @throws DataError naming the file and the entry.
void read_coco_entries(const files::MappedFile& file, bool results,
                       const std::function<void(CocoList, CocoEntry&)>& take);

/// "g.json: annotations[12] (id 34)".
std::string coco_place(const std::string& path, CocoList list, int64_t index,
                       const std::optional<CocoId>& id);

}  // namespace swin::data
