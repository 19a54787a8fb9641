// From an image of any size to the normalized values of a batch. Small pure functions; random draws
// are named by (seed, stream, epoch, index of the image), so the order of calls does not matter.
#pragma once
#include <cstdint>
#include <optional>
#include <string>
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

/// torchvision's RandomCrop(size, padding) with fill 0: a corner, uniform over all that fit into
/// the padded image. Draws from ("data/random_crop", epoch, index).
Corner random_crop(int64_t padding, uint64_t seed, uint64_t epoch, uint64_t index);
/// Draws from ("data/horizontal_flip", epoch, index).
bool random_flip(double probability, uint64_t seed, uint64_t epoch, uint64_t index);

/// Size of torchvision's Resize(short_side): the other side is int(short_side · long / short).
base::Size2 short_side_size(int64_t height, int64_t width, int64_t short_side);
/// Corner of torchvision's CenterCrop: half the difference, rounded as Python does; minus half the
/// padding if the image is smaller.
Corner center_crop(int64_t image_height, int64_t image_width, int64_t height, int64_t width);
/// Copies a window of an image; pixels outside the image are 0.
void crop(const Image& image, Corner corner, int64_t height, int64_t width, Image& to);

/// Resize and center crop to exactly (height, width) of `preprocess`.
/// @return `image` itself if it already fits, else `to`.
/// @param scratch memory for the resized image.
const Image& fit(const Image& image, const Preprocess& preprocess, Image& scratch, Image& to);

/// Writes the window of an image, normalized, to out (height, width, channels). A pixel outside
/// the image is a 0 before normalization. `flip` mirrors the window left to right.
void write_normalized(const Image& image, Corner corner, int64_t height, int64_t width, bool flip,
                      const Normalization& normalization, float* out);

/// The transform of evaluate and predict: fit, then normalize. @return (height, width,
/// channels). The image must have the channels of `preprocess`.
std::vector<float> preprocess_image(const Image& image, const Preprocess& preprocess);

/// The default of preprocess.resize: int(256/224 · short side of the model's input); empty for
/// inputs up to 32.
std::optional<int64_t> default_resize(int64_t height, int64_t width);

}  // namespace swin::data
