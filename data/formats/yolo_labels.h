// A label file of YOLO: a row of text for each object of one image, in parts of its width and
// height.
// Source: https://docs.ultralytics.com/datasets/detect and /segment, "dataset format".
#pragma once
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace swin::data {

struct YoloRow {
  int64_t class_index = 0;
  int64_t line = 0;  ///< from 1 on
  /// Of a box: x and y of the center, width, height. Of a polygon: x and y of its points, at least
  /// three.
  std::vector<double> numbers;
  bool is_box() const { return numbers.size() == 4; }
};

struct YoloLabels {
  std::vector<YoloRow> rows;      ///< each once
  std::vector<int64_t> repeated;  ///< lines of rows that are equal to an earlier one
};

/// Larger files are refused.
inline constexpr int64_t kMaxYoloBytes = int64_t{4} << 20;

/// @param file for errors.   @param num_classes classes must be below it; 0: any.
/// @throws DataError naming the file, the line and the value: for what is no number, a count of
///     numbers that is neither a box nor a polygon, numbers outside of −0.01 … 1.01, and classes
///     that are no class.
YoloLabels read_yolo_labels(std::string_view text, const std::string& file, int64_t num_classes);

}  // namespace swin::data
