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
/// Resize and center crop to exactly (height, width) of `preprocess`.
Geometry fit(const base::Size2& image, const Preprocess& preprocess);

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
/// label maps are. Objects of which nothing is left are dropped. The area becomes that of the mask;
/// without a mask it changes as that of the box does.
Annotation transformed(const Geometry& geometry, const Annotation& annotation);

/// The transform of evaluate and predict: fit, then normalize. @return (height, width,
/// channels). The image must have the channels of `preprocess`.
std::vector<float> preprocess_image(const Image& image, const Preprocess& preprocess);

}  // namespace swin::data
