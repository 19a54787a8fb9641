#include "data/decode/decode.h"

#include <algorithm>
#include <utility>

#include "base/errors.h"
#include "base/text.h"
#include "files/mapped_file.h"

namespace swin::data {
namespace {

// What a file of another kind is, by its first bytes.
std::string describe(std::span<const uint8_t> bytes) {
  const std::string_view text = files::text_of(bytes);
  if (bytes.empty()) return "an empty file";
  if (text.starts_with("GIF8")) return "a GIF";
  if (text.starts_with("BM")) return "a BMP";
  if (text.starts_with("II*") || text.starts_with("MM")) return "a TIFF";
  std::string found = "a file that starts with";
  for (const uint8_t byte : bytes.first(std::min<size_t>(bytes.size(), 4)))
    found += " " + base::hex(byte);
  return found;
}

}  // namespace

ImageKind kind_of(std::span<const uint8_t> bytes) {
  const std::string_view text = files::text_of(bytes);
  if (text.starts_with("\xFF\xD8\xFF")) return ImageKind::jpeg;
  if (text.starts_with("\x89PNG\r\n\x1A\n")) return ImageKind::png;
  if (text.starts_with("RIFF") && text.size() >= 12 && text.substr(8, 4) == "WEBP")
    return ImageKind::webp;
  return ImageKind::other;
}

void check_size(const std::string& name, const char* kind, int64_t height, int64_t width,
                const DecodeOptions& options) {
  if (height <= options.max_pixels / std::max<int64_t>(1, width)) return;
  const std::string most =
      options.max_pixels == kMaxImagePixels ? "100 million" : std::to_string(options.max_pixels);
  throw base::DataError(name,
                        std::string("a ") + kind + " of " + std::to_string(width) + " × " +
                            std::to_string(height) + " pixels, expected at most " + most,
                        "make it smaller");
}

void decode_image(std::span<const uint8_t> bytes, const std::string& name, int64_t channels,
                  Image& to, const DecodeOptions& options) {
  if (channels != 1 && channels != 3)
    throw base::InternalError("data::decode_image",
                              "asked for " + std::to_string(channels) + " channels");
  if (static_cast<int64_t>(bytes.size()) > kMaxImageBytes)
    throw base::DataError(name,
                          "found " + std::to_string(bytes.size()) +
                              " bytes, expected an image file of at most " +
                              std::to_string(kMaxImageBytes),
                          "make it smaller");
  const ImageKind kind = kind_of(bytes);
  if (kind == ImageKind::other)
    throw base::DataError(name, "found " + describe(bytes) + ", expected a JPEG, PNG or WebP",
                          "convert or remove the file");
  const auto decode = kind == ImageKind::jpeg  ? decode_jpeg
                      : kind == ImageKind::png ? decode_png
                                               : decode_webp;
  const int64_t orientation = options.exif_orientation ? exif_orientation(bytes) : 1;
  if (orientation == 1) return decode(bytes, name, channels, options, to);
  if (options.header_only) {
    decode(bytes, name, channels, options, to);
    if (orientation >= 5) std::swap(to.height, to.width);
    return;
  }
  Image stored;
  decode(bytes, name, channels, options, stored);
  orient(stored, orientation, to);
}

Image decode_image(std::span<const uint8_t> bytes, const std::string& name, int64_t channels,
                   const DecodeOptions& options) {
  Image image;
  decode_image(bytes, name, channels, image, options);
  return image;
}

Image read_image(const std::string& path, int64_t channels, const DecodeOptions& options) {
  const files::MappedFile file(path, files::FileKind::data);
  const auto bytes = file.bytes();
  return decode_image({reinterpret_cast<const uint8_t*>(bytes.data()), bytes.size()}, path,
                      channels, options);
}

}  // namespace swin::data
