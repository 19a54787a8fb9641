// The whole of a resized image.
#pragma once
#include "data/transforms/kernels/resize.h"

namespace swin::data::kernels {

inline void resize(const uint8_t* from, int64_t height, int64_t width, int64_t channels,
                   int64_t new_height, int64_t new_width, Interpolation interpolation, uint8_t* to,
                   std::vector<uint8_t>& scratch, int64_t row_bytes = 0) {
  resize_window(from, height, width, channels, new_height, new_width, {0, 0, new_height, new_width},
                interpolation, to, scratch, row_bytes);
}

}  // namespace swin::data::kernels
