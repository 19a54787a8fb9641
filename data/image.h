// An image in memory: bytes, rows from the top, channels last.
#pragma once
#include <array>
#include <cstddef>
#include <cstdint>
#include <vector>

namespace swin::data {

using Color = std::array<uint8_t, 3>;  ///< red, green, blue

/// (height, width, channels) bytes; channels is 1 (gray) or 3 (red, green, blue).
struct Image {
  int64_t height = 0, width = 0, channels = 0;
  std::vector<uint8_t> pixels;

  /// Sets the shape; reuses the memory and keeps its bytes.
  /// @throws MemoryError if a large image does not fit into the memory of this process's group.
  void reshape(int64_t new_height, int64_t new_width, int64_t new_channels);
  int64_t row_bytes() const { return width * channels; }
  const uint8_t* row(int64_t y) const { return pixels.data() + y * row_bytes(); }
  uint8_t* row(int64_t y) { return pixels.data() + y * row_bytes(); }
  bool operator==(const Image&) const = default;
};

/// Copies `from` with another number of channels: gray is repeated, color becomes gray by
/// L = (19595 R + 38470 G + 7471 B + 2¹⁵) >> 16, the formula of Pillow's convert("L").
void convert_channels(const Image& from, int64_t channels, Image& to);

/// Rotates and mirrors an image as its EXIF orientation, 1 … 8, asks: Pillow's
/// ImageOps.exif_transpose. 5 … 8 swap height and width. `to` must be another image.
void orient(const Image& from, int64_t orientation, Image& to);

}  // namespace swin::data
