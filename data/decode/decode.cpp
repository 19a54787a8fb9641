#include "data/decode/decode.h"

#include <algorithm>
#include <utility>

#include "base/errors.h"
#include "base/text.h"
#include "files/mapped_file.h"

namespace swin::data {
namespace {

using std::string_view_literals::operator""sv;

// What a file of another kind is, by its first bytes.
std::string describe(std::span<const uint8_t> bytes) {
  const std::string_view text = files::text_of(bytes);
  if (bytes.empty()) return "an empty file";
  if (text.starts_with("GIF8")) return "a GIF";
  std::string found = "a file that starts with";
  for (const uint8_t byte : bytes.first(std::min<size_t>(bytes.size(), 4)))
    found += " " + base::hex(byte);
  return found;
}

// The two letters alone would take any text that starts with them: the size of the header follows.
bool is_bmp(std::string_view text) {
  constexpr std::string_view kHeaderSizes("\x0C\x28\x34\x38\x40\x6C\x7C");
  return text.starts_with("BM") && text.size() >= 16 &&
         kHeaderSizes.find(text[14]) != std::string_view::npos && text[15] == '\0';
}

using Decoder = void (*)(std::span<const uint8_t>, const std::string&, int64_t,
                         const DecodeOptions&, Image&);
Decoder decoder_of(ImageKind kind) {
  switch (kind) {
    case ImageKind::jpeg:
      return decode_jpeg;
    case ImageKind::png:
      return decode_png;
    case ImageKind::webp:
      return decode_webp;
    case ImageKind::bmp:
      return decode_bmp;
    case ImageKind::tiff:
      return decode_tiff;
    case ImageKind::other:
      break;
  }
  return nullptr;
}

}  // namespace

ImageKind kind_of(std::span<const uint8_t> bytes) {
  const std::string_view text = files::text_of(bytes);
  if (text.starts_with("\xFF\xD8\xFF")) return ImageKind::jpeg;
  if (text.starts_with("\x89PNG\r\n\x1A\n")) return ImageKind::png;
  if (text.starts_with("RIFF") && text.size() >= 12 && text.substr(8, 4) == "WEBP")
    return ImageKind::webp;
  if (is_bmp(text)) return ImageKind::bmp;
  for (const std::string_view start : {"II*\0"sv, "MM\0*"sv, "II+\0"sv, "MM\0+"sv})
    if (text.starts_with(start)) return ImageKind::tiff;
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
  const Decoder decode = decoder_of(kind_of(bytes));
  if (decode == nullptr)
    throw base::DataError(name,
                          "found " + describe(bytes) + ", expected a JPEG, PNG, WebP, BMP or TIFF",
                          "convert or remove the file");
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
