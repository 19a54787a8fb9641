// Corrects oddities in the segments of a JPEG that do not affect its pixels.
#pragma once
#include <cstdint>
#include <span>
#include <vector>

namespace swin::data {

/// A copy of a JPEG that corrects what libjpeg only warns of: the revision of JFIF, an unknown
/// color transform of Adobe (libjpeg assumes YCbCr or YCCK), the spectral parameters of a
/// sequential scan, bytes between segments. Damaged data stay damaged.
/// @return empty if there is nothing to correct. Accepts any bytes.
std::vector<uint8_t> without_oddities(std::span<const uint8_t> jpeg);

}  // namespace swin::data
