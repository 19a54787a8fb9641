// From images to the class of every pixel: whole or in overlapping windows, at one or several
// scales, mirrored or not.
#pragma once
#include <functional>
#include <vector>

#include "tasks/task.h"

namespace swin::tasks {

struct InferenceOptions {
  bool slide = false;                ///< in windows of `crop`; else the whole image at once
  base::Size2 crop{}, stride{};      ///< of the windows: size, and distance from one to the next
  std::vector<double> scales = {1};  ///< factors of the image's sides
  bool flip = false;                 ///< each scale also mirrored left to right
};

struct WindowPlace {
  int64_t top = 0, left = 0, height = 0, width = 0;
  bool operator==(const WindowPlace&) const = default;
};

/// The windows that cover an image, in rows. Along an axis of length L there are
/// ⌊max(L − crop + stride − 1, 0) / stride⌋ + 1; window i begins at i · stride, and the last ones
/// are shifted back so that they end at L. A crop larger than the image is cut.
/// Source: mmsegmentation, EncoderDecoder.slide_inference.
std::vector<WindowPlace> sliding_windows(const base::Size2& image, const base::Size2& crop,
                                         const base::Size2& stride);

/// The logits (B, H, W, classes) of images (B, H, W, channels).
using PixelLogits = std::function<Tensor(const Tensor& images)>;

/// The class of every pixel of each image as loaded: (height, width) each, of ImageInfo's
/// original_sizes. The padding is cut off before the forward, so that it has no influence. The
/// logits, of windows the mean of those that cover a pixel, are resized bilinearly to the original
/// size; then the largest wins, the first of equal ones. With several scales or flip it is the
/// largest mean of the probabilities; images are scaled bilinearly from their normalized pixels.
/// Consecutive images of equal size share forwards of at most 2²⁰ pixels.
std::vector<Tensor> class_maps(const PixelLogits& logits, const InferenceOptions& options,
                               const Tensor& images, const ImageInfo& info);

}  // namespace swin::tasks
