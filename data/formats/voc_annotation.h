// An annotation file of Pascal VOC: the objects of one image, as XML.
// Source: Everingham et al., "The PASCAL Visual Object Classes Challenge 2012 Development Kit",
// section 4 ("Data").
#pragma once
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/size2.h"
#include "data/annotation.h"

namespace swin::data {

struct VocObject {
  std::string name;  ///< of its class
  /// VOC counts pixels from 1 and includes the last one: x1 = xmin − 1, x2 = xmax. Absent where the
  /// object has no <bndbox>.
  std::optional<BoundingBox> box;
  bool difficult = false;
  int64_t line = 0;  ///< where it begins, from 1 on; 0 in files of 16-bit characters
};

struct VocAnnotation {
  base::Size2 size = {};  ///< (height, width) as the file says; 0 where it does not or says ≤ 0
  int64_t begin_at_zero = 0;  ///< boxes whose xmin or ymin is 0, where VOC begins with 1
  std::vector<VocObject> objects;
};

/// Larger files are refused: an honest one has about 300 bytes an object.
inline constexpr int64_t kMaxVocBytes = int64_t{4} << 20;

/// Reads an annotation file. Document types and their entities are passed over and never expanded;
/// what lies deeper than the fields above is never visited.
/// @param file for errors.
/// @throws DataError naming the file and the line: for what is no XML, another root than
///     <annotation>, and fields that are missing or are no numbers.
VocAnnotation read_voc_annotation(std::string_view text, const std::string& file);

}  // namespace swin::data
