// The antialiased resize of Pillow 13.0.0 for 8-bit images, byte for byte.
#pragma once
#include <cstdint>
#include <vector>

namespace swin::data {

enum class Interpolation { bilinear, bicubic, lanczos };

namespace kernels {

/// A part of a resized image.
struct Window {
  int64_t top = 0, left = 0, height = 0, width = 0;
};

/// Resizes (height, width, channels) to (new_height, new_width, channels), channels 1 or 3.
/// Two passes, each rounded to bytes; coefficients have 22 fractional bits; a pass that keeps the
/// size is skipped. The horizontal one is first, unless the height shrinks, and by more than twice
/// of what the width does: the order, and so the bytes, of Pillow 13 (12 and before: always
/// horizontal first). Bicubic has a = −0.5; the filters widen when shrinking (antialiasing). Equal
/// to Pillow 13.0.0's Image.resize((new_width, new_height), filter) on every byte.
/// @param scratch grows to what is needed and is used again.
/// @param row_bytes from one row of `from` to the next, 0: no gap. With it, `from` may be a box
///   inside a larger image: what is outside the box is not read, as in crop(box).resize(…).
void resize(const uint8_t* from, int64_t height, int64_t width, int64_t channels,
            int64_t new_height, int64_t new_width, Interpolation interpolation, uint8_t* to,
            std::vector<uint8_t>& scratch, int64_t row_bytes = 0);

/// What lies in `window` of what resize makes, at the price of the window: `to` is (window.height,
/// window.width, channels). The window lies inside of the result.
void resize_window(const uint8_t* from, int64_t height, int64_t width, int64_t channels,
                   int64_t new_height, int64_t new_width, const Window& window,
                   Interpolation interpolation, uint8_t* to, std::vector<uint8_t>& scratch,
                   int64_t row_bytes = 0);

}  // namespace kernels
}  // namespace swin::data
