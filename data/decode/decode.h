// Decodes and encodes image files. JPEG uses TurboJPEG (jpeg.cpp), PNG libspng (png.cpp), WebP
// libwebp (webp.cpp), TIFF libtiff (tiff.cpp), BMP nothing (bmp.cpp), the EXIF orientation libexif
// (exif.cpp).
#pragma once
#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "data/image.h"

namespace swin::data {

/// Images with more pixels are refused before memory is allocated.
inline constexpr int64_t kMaxImagePixels = 100'000'000;
/// Larger image files are refused unread, before memory is allocated.
inline constexpr int64_t kMaxImageBytes = int64_t{256} << 20;

/// How an image file is decoded. The default is Pillow's Image.open.
struct DecodeOptions {
  /// Rotate and mirror the image as its EXIF data ask (Pillow's ImageOps.exif_transpose). EXIF data
  /// that cannot be read are ignored. A TIFF is always turned as its tag asks, as Pillow does.
  bool exif_orientation = false;
  /// Allow decoding a JPEG at 1/2, 1/4 or 1/8 of its size (Pillow's Image.draft) if the short side
  /// and the number of pixels stay at least these. Both 0: full size.
  int64_t min_short_side = 0, min_pixels = 0;
  int64_t max_pixels = kMaxImagePixels;  ///< larger images are refused
  /// Read the header alone: the image gets its height and width, and no pixels.
  bool header_only = false;
};

/// Decodes a JPEG, PNG, WebP, BMP or TIFF file, whose first bytes tell the kind. The result equals,
/// byte for byte, Pillow's Image.open(…).convert("RGB") or convert("L"). Alpha is dropped; of
/// 16-bit samples of a PNG the high byte is kept (also for gray, where Pillow saturates);
/// animations give the first frame, a TIFF its first page. A TIFF must have 8-bit gray, palette or
/// RGB samples.
/// @param name used in errors.   @param channels 1 or 3.
/// @throws DataError for anything that is not a complete, valid image of at most kMaxImageBytes and
/// options.max_pixels.
void decode_image(std::span<const uint8_t> bytes, const std::string& name, int64_t channels,
                  Image& to, const DecodeOptions& options = {});
Image decode_image(std::span<const uint8_t> bytes, const std::string& name, int64_t channels,
                   const DecodeOptions& options = {});

/// Reads and decodes one file. @throws DataError, also if the file is missing.
Image read_image(const std::string& path, int64_t channels, const DecodeOptions& options = {});

/// The samples of a PNG as numbers.
struct LabelPixels {
  int64_t height = 0, width = 0;
  /// (height, width): of gray, the values of any depth as they are stored; of a palette, the
  /// indices, never their colors. Alpha is dropped. Empty if the file holds colors.
  std::vector<uint16_t> values;
  /// (height, width, 3): of an RGB file, 8 bits each.
  std::vector<uint8_t> colors;
};

/// Reads a PNG whose samples are labels.   @param name used in errors.
/// @throws DataError for anything that is not a complete, valid PNG of at most max_pixels.
LabelPixels decode_label_png(std::span<const uint8_t> bytes, const std::string& name,
                             int64_t max_pixels = kMaxImagePixels);
/// The bytes of a PNG whose samples are (height, width) labels. If all are below `palette`'s size
/// or `ignored`, at most 255, which is stored as 255: 8 bits with the palette. Else 16 bits of
/// gray.
std::vector<uint8_t> encode_label_png(int64_t height, int64_t width,
                                      std::span<const uint16_t> labels, uint16_t ignored,
                                      std::span<const Color> palette);

/// The bytes of an 8-bit gray or RGB PNG file. Equal images give equal bytes.
std::vector<uint8_t> encode_png(const Image& image);
/// The bytes of a JPEG file of 4:4:4 color and quality 95. Equal images give equal bytes with one
/// version of libjpeg-turbo.
std::vector<uint8_t> encode_jpeg(const Image& image);
/// Writes a PNG file atomically. @throws DiskError.
void write_png(const std::string& path, const Image& image);

enum class ImageKind { jpeg, png, webp, bmp, tiff, other };
/// The kind of an image file, by its first 16 bytes.
ImageKind kind_of(std::span<const uint8_t> bytes);

/// The orientation, 1 … 8, in the EXIF data of a JPEG, PNG or WebP; 1 (unchanged) if there are none
/// or they cannot be read. Accepts any bytes.
int64_t exif_orientation(std::span<const uint8_t> bytes);

// The decoders of decode_image. Each checks the size that the header claims before it allocates.
void decode_jpeg(std::span<const uint8_t> bytes, const std::string& name, int64_t channels,
                 const DecodeOptions& options, Image& to);
void decode_png(std::span<const uint8_t> bytes, const std::string& name, int64_t channels,
                const DecodeOptions& options, Image& to);
void decode_webp(std::span<const uint8_t> bytes, const std::string& name, int64_t channels,
                 const DecodeOptions& options, Image& to);
void decode_bmp(std::span<const uint8_t> bytes, const std::string& name, int64_t channels,
                const DecodeOptions& options, Image& to);
void decode_tiff(std::span<const uint8_t> bytes, const std::string& name, int64_t channels,
                 const DecodeOptions& options, Image& to);

/// @throws DataError for an image of more than options.max_pixels.   @param kind "JPEG" …
void check_size(const std::string& name, const char* kind, int64_t height, int64_t width,
                const DecodeOptions& options);

}  // namespace swin::data
