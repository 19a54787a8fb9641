// The size of the model's input, and the normalization: the last step of every transform.
#pragma once
#include <cstdint>
#include <optional>
#include <vector>

#include "base/size2.h"
#include "data/image.h"
#include "data/transforms/kernels/resize.h"

namespace swin::data {

/// The transform of evaluation and prediction, which training shares after its augmentations.
struct Preprocess {
  int64_t height = 0, width = 0, channels = 3;  ///< of the model's input
  /// Short side before the center crop. Empty: images are resized to the size of the model's input,
  /// without a crop, if they do not have it.
  std::optional<int64_t> resize = std::nullopt;
  /// With it there is no crop: an image keeps its ratio, its short side becomes `resize`, or less
  /// where the long side would be more than this (keep_ratio_size).
  std::optional<int64_t> long_side = std::nullopt;
  Interpolation interpolation = Interpolation::bicubic;
  std::vector<float> mean = {},
                     std = {};  ///< one value per channel, or one for all; of pixels in 0 … 1
};

/// (x/255 − mean)/std in float for every byte and channel, equal to torchvision's ToTensor and
/// Normalize in every bit.
class Normalization {
 public:
  /// @throws UsageError unless mean and std hold 1 or `channels` values and every std is above 0.
  Normalization(int64_t channels, const std::vector<float>& mean, const std::vector<float>& std);
  int64_t channels() const { return channels_; }
  const float* table(int64_t channel) const { return table_.data() + channel * 256; }

 private:
  int64_t channels_;
  std::vector<float> table_;  // (channels, 256)
};

/// Top left corner of a crop; negative if it lies in the padding.
struct Corner {
  int64_t top = 0, left = 0;
};

/// Writes the window of an image, normalized, to out (height, width, channels). A pixel outside
/// the image is a 0 before normalization, black, as torchvision pads. `flip` mirrors the window
/// left to right.
/// @param row_pixels from one row of `out` to the next, in pixels; 0: `width`.
void write_normalized(const Image& image, Corner corner, int64_t height, int64_t width, bool flip,
                      const Normalization& normalization, float* out, int64_t row_pixels = 0);

/// Fills what lies right of and below a sample of size `real` with zeros, which is the mean color:
/// mmdetection, mmsegmentation and torchvision pad normalized images.
/// @param out (padded, channels), normalized.
void write_padding(const base::Size2& real, const base::Size2& padded, int64_t channels,
                   float* out);

}  // namespace swin::data
