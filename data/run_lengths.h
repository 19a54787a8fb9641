// Masks as run lengths: COCO's texts of them, polygons drawn into them, and what is counted on
// them. All of it equals pycocotools 2.0.11.
#pragma once
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "data/annotation.h"

namespace swin::data {

/// The mask of the `counts` text of a COCO file: runs as differences to the run before the last, 5
/// bits a character.
/// @throws DataError for other characters, a text that breaks off, runs below 0, and where their
///     sum is not height · width; the same for sizes that are not positive or above 2³² − 1 pixels.
RunLengths read_counts(std::string_view counts, int64_t height, int64_t width);
/// The text of which read_counts gives the mask.
std::string write_counts(const RunLengths& mask);
/// @throws DataError unless the runs cover height · width pixels.
void check_runs(const RunLengths& mask);

/// The union of polygons: a pixel is inside where the outline, drawn at 5 times the size of the
/// image, goes around its center. What lies outside of the image is cut off.
/// @throws DataError without polygons; for polygons of less than 3 points, with points that are not
///     finite or beyond 10⁹, and with outlines that are far longer than the image could hold.
RunLengths rasterize(const std::vector<Polygon>& polygons, int64_t height, int64_t width);
/// @throws DataError as rasterize does for this polygon.
void check_polygon(const Polygon& polygon, int64_t height, int64_t width);

/// Sets the pixels of a mask to a class.   @param map of the size of the mask.
void draw(const RunLengths& mask, int64_t class_index, LabelMap& map);
/// The classes of pixels that objects give: 0 is the background, class c of an object c + 1, later
/// objects lie over earlier ones, and crowds are background.
/// @param name of their file, for errors.   @throws DataError for an object without a mask.
LabelMap label_map_of(const Objects& all, const std::string& name);

/// The smallest box around the pixels of a mask; 0 0 0 0 where it has none.
BoundingBox box_of(const RunLengths& mask);
/// The pixels of a mask.
int64_t count_pixels(const RunLengths& mask);
/// The pixels of both of two masks of one size.
int64_t count_common(const RunLengths& a, const RunLengths& b);
/// The pixels of either of two masks of one size.
RunLengths united(const RunLengths& a, const RunLengths& b);

}  // namespace swin::data
