// The antialiased resize of Pillow 13.0.0 for 8-bit images, byte for byte.
#pragma once
#include <cstdint>
#include <vector>

#include "base/isa.h"

namespace swin::data {

enum class Interpolation { bilinear, bicubic, lanczos };

namespace kernels {

/// A part of an image.
struct Window {
  int64_t top = 0, left = 0, height = 0, width = 0;
  bool operator==(const Window&) const = default;
};

/// Resizes (height, width, channels) to (new_height, new_width, channels), channels 1 or 3, and
/// computes the part of the result that lies in `window`, at the cost of the window.
/// Two passes, each rounded to bytes, with coefficients of 22 fractional bits; a pass that keeps
/// the size is skipped. The vertical pass is first if the height shrinks by more than twice as much
/// as the width, otherwise the horizontal one, as in Pillow 13 (until 12 always horizontal first).
/// Bicubic has a = −0.5; the filters widen when shrinking (antialiasing). Equals Pillow 13.0.0's
/// Image.resize((new_width, new_height), filter) in every byte.
/// @param window inside the result.   @param to (window.height, window.width, channels).
/// @param scratch grows as needed and is reused.
/// @param row_bytes from one row of `from` to the next; 0: rows are contiguous. With it, `from` may
///   be a box inside a larger image. Pixels outside the box are not read: crop(box).resize(…).
extern const base::Kernel<void(const uint8_t* from, int64_t height, int64_t width, int64_t channels,
                               int64_t new_height, int64_t new_width, const Window& window,
                               Interpolation interpolation, uint8_t* to,
                               std::vector<uint8_t>& scratch, int64_t row_bytes)>
    resize_window;

}  // namespace kernels
}  // namespace swin::data
