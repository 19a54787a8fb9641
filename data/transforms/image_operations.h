// The operations that augmentation policies choose from. For a given argument the result has the
// bytes of Pillow (ImageOps, ImageEnhance, Image.transform), the last four those of mmsegmentation
// and OpenCV; nothing here is random.
#pragma once
#include <array>
#include <cstdint>

#include "data/image.h"
#include "data/transforms/kernels/pixels.h"

namespace swin::data {

enum class Operation {
  auto_contrast,   ///< stretches each channel to 0 … 255
  equalize,        ///< flattens the histogram of each channel
  invert,          ///< 255 − x
  rotate,          ///< degrees, counter-clockwise
  posterize,       ///< bits kept, 0 … 8
  solarize,        ///< x at or above this value becomes 255 − x
  solarize_add,    ///< added to x below 128
  color,           ///< factor: 0 is gray, 1 the image
  contrast,        ///< factor: 0 is the mean gray, 1 the image
  brightness,      ///< factor: 0 is black, 1 the image
  sharpness,       ///< factor: 0 is smoothed, 1 the image
  shear_x,         ///< x of the source grows by this much per row
  shear_y,         ///< y of the source grows by this much per column
  translate_x,     ///< pixels added to x of the source
  translate_y,     ///< pixels added to y of the source
  hue,             ///< fraction of the color circle, −0.5 … 0.5; torchvision's adjust_hue
  add,             ///< to every value
  multiply,        ///< every value
  hsv_saturation,  ///< factor of the saturation in OpenCV's HSV of 8 bits
  hsv_hue,         ///< steps added to the hue, on OpenCV's circle of 180
};

/// Options of the geometric operations.
struct Canvas {
  Sampling sampling = Sampling::bicubic;
  std::array<uint8_t, 3> fill = {0, 0, 0};  ///< for pixels from outside; gray uses the first value
};

/// Applies one operation in place. color, hue and those of HSV leave gray images unchanged.
/// @param scratch memory that is reused.
void apply(Operation operation, double argument, const Canvas& canvas, Image& image,
           Image& scratch);

}  // namespace swin::data
