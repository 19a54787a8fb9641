#include "data/coco_annotation.h"

#include <algorithm>
#include <limits>
#include <utility>

#include "data/coco_segmentation.h"
#include "data/run_lengths.h"
#include "files/bytes.h"

namespace swin::data {

using base::DataError;

namespace {

CocoBox box_around(const Mask& mask) {
  BoundingBox box;
  if (const auto* runs = std::get_if<RunLengths>(&mask)) {
    box = box_of(*runs);
  } else {
    box = {1e300, 1e300, -1e300, -1e300};
    for (const Polygon& polygon : std::get<std::vector<Polygon>>(mask))
      for (const Point& point : polygon)
        box = {std::min(box.x1, point.x), std::min(box.y1, point.y), std::max(box.x2, point.x),
               std::max(box.y2, point.y)};
  }
  return {box.x1, box.y1, box.x2 - box.x1, box.y2 - box.y1};
}

}  // namespace

const char* fault_text(CocoFault fault) {
  switch (fault) {
    case CocoFault::none:
      return "none";
    case CocoFault::unknown_image:
      return "unknown image_id";
    case CocoFault::unknown_category:
      return "unknown category_id";
    case CocoFault::marked_ignore:
      return "marked to be ignored";
    case CocoFault::no_box:
      return "no bbox";
    case CocoFault::no_size:
      return "a box of no width or height";
    case CocoFault::below_one_pixel:
      return "a box of less than 1 pixel";
    case CocoFault::outside:
      return "a box outside of its image";
    case CocoFault::no_area:
      return "an area that is not above 0";
    case CocoFault::broken_polygon:
      return "polygons of an odd count or of less than 6 numbers";
  }
  return "";
}

CocoFault fault_of_box(const CocoBox& box, const base::Size2& image) {
  if (!(box.width > 0 && box.height > 0)) return CocoFault::no_size;
  if (box.width < 1 || box.height < 1) return CocoFault::below_one_pixel;
  const bool touches = box.x < static_cast<double>(image[1]) &&
                       box.y < static_cast<double>(image[0]) && box.x + box.width > 0 &&
                       box.y + box.height > 0;
  return touches ? CocoFault::none : CocoFault::outside;
}

CocoAnnotation annotation_of(const CocoEntry& entry) {
  CocoAnnotation annotation;
  if (entry.id) annotation.id = entry.id->number;
  if (std::holds_alternative<RunLengths>(entry.mask)) annotation.mask = CocoMask::runs;
  if (std::holds_alternative<std::vector<Polygon>>(entry.mask))
    annotation.mask = CocoMask::polygons;
  annotation.has_box = entry.box.has_value();
  if (entry.box)
    annotation.box = *entry.box;
  else if (annotation.mask != CocoMask::none)
    annotation.box = box_around(entry.mask);
  else
    annotation.fault = CocoFault::no_box;
  if (annotation.mask != CocoMask::none) {
    annotation.mask_begin = entry.mask_begin;
    annotation.mask_bytes = static_cast<uint32_t>(entry.mask_end - entry.mask_begin);
    if (entry.mask_end - entry.mask_begin > std::numeric_limits<uint32_t>::max())
      throw DataError("segmentation", "found more than 4 GB, expected less");
  } else if (entry.short_polygons) {
    annotation.fault = CocoFault::broken_polygon;
  }
  annotation.crowd = entry.crowd.value_or(false);
  annotation.score = entry.score.value_or(0);
  return annotation;
}

Mask read_mask(const files::MappedFile& file, const CocoAnnotation& annotation) {
  if (annotation.mask == CocoMask::none) return {};
  CocoSegmentation segmentation;
  try {
    base::visit_json(
        files::text_of(file.bytes()).substr(annotation.mask_begin, annotation.mask_bytes),
        segmentation, {.max_bytes = std::numeric_limits<size_t>::max()});
  } catch (const base::JsonSyntaxError&) {
    throw DataError(file.path().string(), "found another text than when it was opened",
                    "do not change it while it is read");
  }
  return segmentation.mask();
}

RunLengths runs_of(const files::MappedFile& file, const CocoAnnotation& annotation,
                   const CocoImage& image, const std::string& place) {
  try {
    Mask mask = read_mask(file, annotation);
    if (auto* runs = std::get_if<RunLengths>(&mask)) return std::move(*runs);
    if (auto* polygons = std::get_if<std::vector<Polygon>>(&mask))
      return rasterize(*polygons, image.height, image.width);
  } catch (const DataError& error) {
    throw DataError(place, error.what());
  }
  throw DataError(place, "found no segmentation, expected a mask");
}

void refuse_mask(int64_t height, int64_t width, const CocoImage& image, const std::string& place) {
  throw DataError(place,
                  "found a mask of " + base::size_text(height, width) + " pixels, expected the " +
                      base::size_text(image.height, image.width) + " of its image " +
                      image.id.shown(),
                  "size is [height, width]");
}

}  // namespace swin::data
