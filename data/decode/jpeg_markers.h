// The segments of a JPEG: lists them, and corrects oddities that do not affect the pixels.
#pragma once
#include <cstdint>
#include <span>
#include <vector>

namespace swin::data {

struct JpegSegment {
  uint8_t marker;                 ///< without 0xFF
  std::span<const uint8_t> body;  ///< without the length
};
/// The segments of a JPEG before its first scan, up to damage. Accepts any bytes.
std::vector<JpegSegment> jpeg_segments(std::span<const uint8_t> jpeg);
/// Whether the segment of a marker states size and components: SOF0 … SOF15, without DHT, JPG and
/// DAC.
bool is_frame(uint8_t marker);

/// A copy of a JPEG that corrects what libjpeg only warns of: the revision of JFIF, an unknown
/// color transform of Adobe (libjpeg assumes YCbCr or YCCK), the spectral parameters of a
/// sequential scan, bytes between segments. Damaged data stay damaged.
/// @return empty if there is nothing to correct. Accepts any bytes.
std::vector<uint8_t> without_oddities(std::span<const uint8_t> jpeg);

}  // namespace swin::data
