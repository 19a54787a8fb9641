// data.yaml of a YOLO set: where its parts are and how its classes are called. Only
// yolo_data_file.cpp uses yaml-cpp.
// Source: https://docs.ultralytics.com/datasets/detect, "dataset format".
#pragma once
#include <array>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace swin::data {

struct YoloDataFile {
  std::string path;  ///< of the set; empty where the file does not say
  /// Of train, validation and test: folders, images' lists (.txt) or images, as the file has them.
  std::array<std::vector<std::string>, 3> parts;
  std::vector<std::string> names;  ///< by number; empty where the file has none
  int64_t num_classes = 0;         ///< that of the names, else `nc`; 0: the file does not say
};

/// Larger files are refused.
inline constexpr int64_t kMaxYamlBytes = int64_t{1} << 20;

/// Reads the first document of a data.yaml. Aliases are copies of what their anchor names, and a
/// key `<<` adds what its value has; both count as often as they are used.
/// @param file for errors.
/// @throws DataError naming the file and the line: for what is no YAML, other types, names that are
///     not 0 … n − 1, and documents of over 100,000 values or 32 levels.
YoloDataFile read_yolo_data_file(std::string_view text, const std::string& file);

}  // namespace swin::data
