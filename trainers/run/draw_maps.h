// Class maps as files: a PNG of the classes, and their colors over the image.
#pragma once
#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "data/annotation.h"
#include "data/image.h"
#include "trainers/config/config.h"
#include "trainers/run/drawings.h"

namespace swin::trainers {

/// The color of each class: those of data.colors, else of PASCAL VOC's palette.
std::vector<data::Color> colors_of(const Config& config);

/// The classes that occur in a map and their pixels, the largest first.
std::vector<std::pair<int64_t, int64_t>> class_pixels(const data::LabelMap& map);

/// The image, in three channels, half covered by the colors of its map; not where a label has none,
/// as LabelMap::kIgnored.
data::Image draw_over(const data::Image& image, const data::LabelMap& map,
                      const std::vector<data::Color>& colors);

/// Writes NAME_labels.png and NAME_overlay.png.
/// @return their paths.   @throws DiskError.
std::pair<std::string, std::string> write_map(DrawingFolder& folder, const std::string& image_path,
                                              const data::Image& image, const data::LabelMap& map,
                                              const std::vector<data::Color>& colors);

}  // namespace swin::trainers
