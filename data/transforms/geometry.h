// Where the pixels of a sample come from: one small value, drawn by pure functions (augment.h),
// which is applied to the image, to its label map and to its objects alike.
#pragma once
#include <cstdint>
#include <vector>

#include "base/size2.h"
#include "data/annotation.h"
#include "data/image.h"
#include "data/transforms/transform.h"

namespace swin::data {

using Box = kernels::Window;  ///< top, left, height, width in whole pixels

/// The box `crop` of the image is resized to `size`. Of the result the part `visible` is kept and
/// seen through `window`, which is the sample: what of it lies outside `visible` is padding, and it
/// is mirrored left to right if `flip`.
struct Geometry {
  Box crop;             ///< in the image
  base::Size2 size{};   ///< of the crop once it is resized
  Box visible, window;  ///< in the resized crop; the corner of `window` may be negative
  bool flip = false;
  bool operator==(const Geometry&) const = default;
};

/// The geometry that keeps an image as it is.
Geometry unchanged(const base::Size2& image);
/// The image as a whole, resized.
Geometry resized(const base::Size2& image, const base::Size2& size);
/// The geometry of evaluation: resize and center crop to exactly (height, width) of `preprocess`;
/// with its long_side the whole image, resized to keep_ratio_size.
Geometry fit(const base::Size2& image, const Preprocess& preprocess);

/// Batches of samples of several sizes are padded to multiples of this, the step in pixels of the
/// coarsest map of a Swin Transformer.
inline constexpr int64_t kPadMultiple = 32;
/// Both sides rounded up to kPadMultiple.
base::Size2 padded_up(const base::Size2& size);
/// The sample with padding right of it and below it.   @param size at least that of the sample.
Geometry padded(Geometry geometry, const base::Size2& size);
/// The same part of the image at most as large as `most`, in the same ratio.
/// @param geometry shows the whole resized crop.
Geometry fitted_into(const Geometry& geometry, const base::Size2& most);

/// The size of an image whose ratio is kept: with s = min(short_side / short, long_side / long),
/// int(side · s + 0.5) for both sides, at least 1. Source: mmcv's rescale_size.
base::Size2 keep_ratio_size(const base::Size2& image, int64_t short_side, int64_t long_side);

/// Size of torchvision's Resize(short_side): the other side is int(short_side · long / short).
base::Size2 short_side_size(int64_t height, int64_t width, int64_t short_side);
/// Corner of torchvision's CenterCrop: half the difference, rounded as Python does; minus half the
/// padding if the image is smaller.
Corner center_crop(int64_t image_height, int64_t image_width, int64_t height, int64_t width);
/// Copies a window of an image; pixels outside the image are 0.
void crop(const Image& image, Corner corner, int64_t height, int64_t width, Image& to);

/// The visible part of the resized crop.
/// @return `image` itself if that is all of it, else `to`.
/// @param scratch memory that is reused.
const Image& resize_visible(const Geometry& geometry, const Image& image,
                            Interpolation interpolation, Image& to, std::vector<uint8_t>& scratch);
/// The corner of the window in the visible part; negative if it lies in the padding.
inline Corner window_corner(const Geometry& geometry) {
  return {geometry.window.top - geometry.visible.top, geometry.window.left - geometry.visible.left};
}

/// The annotation of the sample. Classes stay as they are.
/// Label map: each pixel is that of the image in which its center lies; padding is kIgnored.
/// Objects: boxes and polygons are cut at the visible part, masks of run lengths are sampled as
/// label maps are. A box that is cut becomes that of what is left of the mask, where there is one.
/// Objects of which nothing is left, or that reach beyond 10⁹ pixels, are dropped. The area becomes
/// that of the mask; without a mask it changes as that of the box does.
Annotation transformed(const Geometry& geometry, const Annotation& annotation);

/// The part of the labeled pixels of the sample that its most frequent class has; 1 if no pixel is
/// labeled.
double largest_class_ratio(const Geometry& geometry, const LabelMap& map);

/// An image as a model takes it.
struct PreparedImage {
  std::vector<float> pixels;    ///< (padded_size, channels), normalized
  base::Size2 padded_size{};    ///< that of the model's input; with long_side, padded_up(real_size)
  base::Size2 real_size{};      ///< without the padding
  base::Size2 original_size{};  ///< of the image
};
/// The transform of evaluate and predict: fit, then normalize and pad. The image must have the
/// channels of `preprocess`.
PreparedImage preprocess_image(const Image& image, const Preprocess& preprocess);

}  // namespace swin::data
