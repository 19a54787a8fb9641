// Class maps as files: a PNG of the classes, and their colors over the image.
#pragma once
#include <cstdint>
#include <filesystem>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "data/annotation.h"
#include "data/image.h"
#include "trainers/config/config.h"

namespace swin::trainers {

/// The color of each class: those of data.colors, else of PASCAL VOC's palette.
std::vector<data::Color> colors_of(const Config& config);

/// The classes that occur in a map and their pixels, the largest first.
std::vector<std::pair<int64_t, int64_t>> class_pixels(const data::LabelMap& map);

/// The image, in three channels, half covered by the colors of its map.
data::Image draw_over(const data::Image& image, const data::LabelMap& map,
                      const std::vector<data::Color>& colors);

/// A folder of drawn maps.
class MapFolder {
 public:
  /// Makes the folder. @throws DiskError.
  MapFolder(const std::string& path, std::vector<data::Color> colors);
  /// Writes NAME_labels.png and NAME_overlay.png, NAME that of the image file without its ending;
  /// of a second image of that name NAME_2_….
  /// @return their paths.   @throws DiskError.
  std::pair<std::string, std::string> write(const std::string& image_path, const data::Image& image,
                                            const data::LabelMap& map);

 private:
  std::filesystem::path path_;
  std::vector<data::Color> colors_;
  std::set<std::string> names_;
};

}  // namespace swin::trainers
