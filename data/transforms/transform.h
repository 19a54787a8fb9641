// From an image of any size to the normalized numbers of a batch. Small pure functions; every
// random draw is named by (seed, stream, epoch, index of the image), so that no order of calls
// matters.
#pragma once
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/size2.h"
#include "data/image.h"
#include "data/transforms/kernels/resize.h"

namespace swin::data {

/// What training does last, and evaluation and prediction alike.
struct Preprocess {
  int64_t height = 0, width = 0, channels = 3;  ///< of the model's input
  /// Short side before the center crop. Empty: an image that already has the model's size is left
  /// alone, any other is resized straight to it.
  std::optional<int64_t> resize = std::nullopt;
  Interpolation interpolation = Interpolation::bicubic;
  std::vector<float> mean = {},
                     std = {};  ///< one value per channel, or one for all; of pixels in 0 … 1
};

/// (x/255 − mean)/std in float for every byte and channel: the bits of torchvision's ToTensor and
/// Normalize.
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

/// Top left corner of a crop; negative where it begins in the padding.
struct Corner {
  int64_t top = 0, left = 0;
};

/// torchvision's RandomCrop(size, padding) without fill: a corner, uniform over all that fit in the
/// padded image. Draws from ("data/random_crop", epoch, index).
Corner random_crop(int64_t padding, uint64_t seed, uint64_t epoch, uint64_t index);
/// Draws from ("data/horizontal_flip", epoch, index).
bool random_flip(double probability, uint64_t seed, uint64_t epoch, uint64_t index);

/// Size of torchvision's Resize(short_side): the other side is int(short_side · long / short).
base::Size2 short_side_size(int64_t height, int64_t width, int64_t short_side);
/// Corner of torchvision's CenterCrop: Python's round of half the difference; halves of the padding
/// where the image is smaller.
Corner center_crop(int64_t image_height, int64_t image_width, int64_t height, int64_t width);
/// The window of an image as an image; outside is 0.
void crop(const Image& image, Corner corner, int64_t height, int64_t width, Image& to);

/// Resize and center crop to exactly (height, width) of `preprocess`.
/// @return `image` itself where nothing had to be done, else `to`.
/// @param scratch memory between the two steps.
const Image& fit(const Image& image, const Preprocess& preprocess, Image& scratch, Image& to);

/// Writes the window of an image, normalized, to out (height, width, channels). A pixel outside
/// the image is a 0 before normalization. `flip` mirrors the window left to right.
void write_normalized(const Image& image, Corner corner, int64_t height, int64_t width, bool flip,
                      const Normalization& normalization, float* out);

/// One image as evaluate and predict see it: fit, then normalize. @return (height, width,
/// channels). The image must have the channels of `preprocess`.
std::vector<float> preprocess_image(const Image& image, const Preprocess& preprocess);

/// The default of preprocess.resize: int(256/224 · short side of the model's input), empty up
/// to 32.
std::optional<int64_t> default_resize(int64_t height, int64_t width);

}  // namespace swin::data
