// Image files into images and back. JPEG through TurboJPEG (jpeg.cpp), PNG through libspng
// (png.cpp), WebP through libwebp (webp.cpp), the orientation in EXIF through libexif (exif.cpp).
#pragma once
#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "data/image.h"

namespace swin::data {

/// Images with more pixels are refused before memory is taken.
inline constexpr int64_t kMaxImagePixels = 100'000'000;
/// Longer image files are refused unread.
inline constexpr int64_t kMaxImageBytes = int64_t{256} << 20;

/// How an image file becomes an image. The default is Pillow's Image.open.
struct DecodeOptions {
  /// Turn and mirror the image as its EXIF data ask (Pillow's ImageOps.exif_transpose). EXIF
  /// that cannot be read asks for nothing.
  bool exif_orientation = false;
  /// Of a JPEG an image of 1/2, 1/4 or 1/8 of its size is enough (Pillow's Image.draft), as long
  /// as its short side and its pixels are at least these. Both 0: full size.
  int64_t min_short_side = 0, min_pixels = 0;
  int64_t max_pixels = kMaxImagePixels;  ///< larger images are refused
};

/// The image in a JPEG, PNG or WebP file, told apart by their first bytes. Equal, byte for byte,
/// to Pillow's Image.open(…).convert("RGB") or convert("L"); alpha is dropped; of 16-bit samples
/// the high byte is kept (also for gray, where Pillow saturates); of an animation the first frame.
/// @param name stands in errors.   @param channels 1 or 3.
/// @throws DataError for anything that is not a whole, valid image of at most kMaxImageBytes and
/// options.max_pixels.
void decode_image(std::span<const uint8_t> bytes, const std::string& name, int64_t channels,
                  Image& to, const DecodeOptions& options = {});
Image decode_image(std::span<const uint8_t> bytes, const std::string& name, int64_t channels,
                   const DecodeOptions& options = {});

/// Reads and decodes one file. @throws DataError, also where the file is missing.
void read_image(const std::string& path, int64_t channels, Image& to,
                const DecodeOptions& options = {});
Image read_image(const std::string& path, int64_t channels, const DecodeOptions& options = {});

/// The bytes of an 8-bit gray or RGB PNG file. Equal images give equal bytes.
std::vector<uint8_t> encode_png(const Image& image);
/// Writes a PNG file, whole or not at all. @throws DiskError.
void write_png(const std::string& path, const Image& image);

/// The orientation, 1 … 8, that the EXIF data of an image file ask for; 1, as it is, where there
/// are none or they cannot be read. Of any bytes.
int64_t exif_orientation(std::span<const uint8_t> bytes);

// The doors behind decode_image; what a header claims is checked there.
void decode_jpeg(std::span<const uint8_t> bytes, const std::string& name, int64_t channels,
                 const DecodeOptions& options, Image& to);
void decode_png(std::span<const uint8_t> bytes, const std::string& name, int64_t channels,
                const DecodeOptions& options, Image& to);
void decode_webp(std::span<const uint8_t> bytes, const std::string& name, int64_t channels,
                 const DecodeOptions& options, Image& to);

/// @throws DataError for an image of more than options.max_pixels.   @param kind "JPEG" …
void check_size(const std::string& name, const char* kind, int64_t height, int64_t width,
                const DecodeOptions& options);

}  // namespace swin::data
