// The images and labels of one step.
#pragma once
#include <cstdint>
#include <string>
#include <vector>

#include "data/annotation.h"

namespace swin::data {

struct BadImage {
  int64_t position = 0;     ///< in the batch
  int64_t index = 0;        ///< in the data set
  std::string error;        ///< names the file
  int64_t replaced_by = 0;  ///< index in the data set; `index` under OnBad::skip
};

struct Batch {
  int64_t size = 0;
  /// (height, width) of `images`: that of the model's input; of samples with sizes of their own,
  /// the largest of the whole batch, rounded up to kPadMultiple (geometry.h). Right of and below a
  /// smaller sample there are zeros.
  base::Size2 padded_size{};
  std::vector<float> images;                ///< (size, height, width, channels), normalized
  std::vector<base::Size2> real_sizes;      ///< (size), (height, width) without the padding
  std::vector<base::Size2> original_sizes;  ///< (size), as loaded; (0, 0) of skipped images
  /// (size), of the padded samples; in evaluation label maps and objects of the original images.
  std::vector<Annotation> annotations;
  /// Of annotations with classes: (size), or (size, classes) of 0 and 1 under label_rows.
  std::vector<int64_t> labels;
  /// (size, classes), or empty: target distributions that replace the labels, such as a golden
  /// file's.
  std::vector<float> target_rows;
  std::vector<int64_t> indices;  ///< (size) in the data set; of replacements where there are any
  std::vector<BadImage> bad;     ///< ascending by position; mostly empty
  /// (size), or empty: the share of image i in sample i; the rest comes from its partner
  /// (mixing.h).
  std::vector<double> own_share;
};

}  // namespace swin::data
