// Image files into pictures and back. JPEG through TurboJPEG (jpeg.cpp), PNG through libspng
// (png.cpp).
#pragma once
#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "data/image.h"

namespace swin::data {

/// Pictures with more pixels are refused before memory is taken.
inline constexpr int64_t kMaxImagePixels = 100'000'000;

/// The picture in a JPEG or PNG file, told apart by their first bytes. Equal, byte for byte, to
/// Pillow's Image.open(…).convert("RGB") or convert("L"); alpha is dropped; of 16-bit samples the
/// high byte is kept (also for gray, where Pillow saturates).
/// @param name stands in errors.   @param channels 1 or 3.
/// @throws DataError for anything that is not a whole, valid picture of at most kMaxImagePixels.
void decode_image(std::span<const uint8_t> bytes, const std::string& name, int64_t channels,
                  Image& to);
Image decode_image(std::span<const uint8_t> bytes, const std::string& name, int64_t channels);

/// Reads and decodes one file. @throws DataError, also where the file is missing.
void read_image(const std::string& path, int64_t channels, Image& to);
Image read_image(const std::string& path, int64_t channels);

/// The bytes of an 8-bit gray or RGB PNG file. Equal pictures give equal bytes.
std::vector<uint8_t> encode_png(const Image& image);
/// Writes a PNG file, whole or not at all. @throws DiskError.
void write_png(const std::string& path, const Image& image);

// The doors behind decode_image; sizes are checked there.
void decode_jpeg(std::span<const uint8_t> bytes, const std::string& name, int64_t channels,
                 Image& to);
void decode_png(std::span<const uint8_t> bytes, const std::string& name, int64_t channels,
                Image& to);

}  // namespace swin::data
