// The images and labels of one step.
#pragma once
#include <cstdint>
#include <string>
#include <vector>

namespace swin::data {

struct BadImage {
  int64_t place = 0;        ///< in the batch
  int64_t index = 0;        ///< in the data set
  std::string error;        ///< names the file
  int64_t replaced_by = 0;  ///< number in the data set; its own under OnBad::skip
};

struct Batch {
  int64_t size = 0;
  std::vector<float> images;    ///< (size, height, width, channels), normalized
  std::vector<int64_t> labels;  ///< (size), or (size, classes) of 0 and 1 under label_rows
  std::vector<int64_t>
      indices;                ///< (size) numbers in the data set, of replacements where there are
  std::vector<BadImage> bad;  ///< by place; mostly empty
  /// (size), or empty: how much of image i is its own; the rest is of image size − 1 − i
  /// (mixing.h).
  std::vector<double> own_share;
};

}  // namespace swin::data
