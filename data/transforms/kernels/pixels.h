// Pixel kernels of the augmentations on bytes (height, width, channels), channels 1 or 3. Each has
// the bytes of Pillow (change_hsv: of OpenCV) for the same arguments.
#pragma once
#include <array>
#include <cstdint>

#include "base/isa.h"

namespace swin::data {

/// How a geometric transform interpolates.
enum class Sampling { nearest, bilinear, bicubic };

namespace kernels {

using ByteTable = std::array<uint8_t, 256>;

/// pixels[i] = tables[i % channels][pixels[i]].
extern const base::Kernel<void(uint8_t* pixels, int64_t count, int64_t channels,
                               const ByteTable* tables)>
    look_up;

/// Counts each byte value in one channel. @param from (count, channels).
extern const base::Kernel<std::array<int64_t, 256>(const uint8_t* from, int64_t count,
                                                   int64_t channels, int64_t channel)>
    histogram;

/// (r · 19595 + g · 38470 + b · 7471 + 2¹⁵) / 2¹⁶: the luma of ITU-R 601-2.
inline uint8_t luma(const uint8_t* rgb) {
  return static_cast<uint8_t>((rgb[0] * 19595 + rgb[1] * 38470 + rgb[2] * 7471 + 0x8000) >> 16);
}

/// to = from + factor · (to − from) in float, clamped to 0 … 255 and truncated; factors
/// below 0 or above 1 extrapolate. Pillow: Image.blend.
extern const base::Kernel<void(const uint8_t* from, float factor, uint8_t* to, int64_t count)>
    blend;

/// The 3 × 3 mean with a weight of 5/13 for the center and 1/13 for the others, rounded; the border
/// is copied. Pillow: filter(ImageFilter.SMOOTH). `from` and `to` differ.
extern const base::Kernel<void(const uint8_t* from, int64_t height, int64_t width, int64_t channels,
                               uint8_t* to)>
    smooth;

/// to(x, y) = from(a·x + b·y + c, d·x + e·y + f) at the centers of pixels; outside pixels become
/// `fill`, one byte per channel. Pillow: transform(size, AFFINE, …). `from` and `to` differ.
/// @param matrix a … f.
extern const base::Kernel<void(const uint8_t* from, int64_t height, int64_t width, int64_t channels,
                               const std::array<double, 6>& matrix, Sampling sampling,
                               const uint8_t* fill, uint8_t* to)>
    affine;

/// Adds `shift` to the hue, on a circle of 256 steps, by Pillow's rounded RGB → HSV → RGB.
/// @param pixels (count, 3).
extern const base::Kernel<void(uint8_t* pixels, int64_t count, uint8_t shift)> shift_hue;

/// OpenCV's RGB → HSV → RGB of 8 bits, with a hue of 180 steps; between them the saturation is
/// multiplied, clamped to 255 and truncated, and `steps` are added to the hue, on its circle. The
/// result is rounded, as by OpenCV's scalar code (its vector code truncates).
/// @param pixels (count, 3).   @param steps at least −180.
extern const base::Kernel<void(uint8_t* pixels, int64_t count, float saturation, int32_t steps)>
    change_hsv;

}  // namespace kernels
}  // namespace swin::data
