// What the segments of a JPEG say, put right where it is odd but harms no pixel.
#pragma once
#include <cstdint>
#include <span>
#include <vector>

namespace swin::data {

/// A copy of a JPEG in which what libjpeg warns of and passes over is as it should be: the revision
/// of JFIF, an unknown color transform of Adobe (libjpeg takes YCbCr or YCCK), the spectral
/// parameters of a sequential scan, bytes between segments. Damaged data stay damaged.
/// @return empty where there is nothing to put right. Of any bytes.
std::vector<uint8_t> without_oddities(std::span<const uint8_t> jpeg);

}  // namespace swin::data
