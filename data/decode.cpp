#include "data/decode.h"

#include <algorithm>

#include "base/errors.h"
#include "files/mapped_file.h"

namespace swin::data {
namespace {

constexpr uint8_t kJpegStart[] = {0xFF, 0xD8, 0xFF};
constexpr uint8_t kPngStart[] = {0x89, 'P', 'N', 'G', '\r', '\n', 0x1A, '\n'};

bool starts_with(std::span<const uint8_t> bytes, std::span<const uint8_t> start) {
  return bytes.size() >= start.size() && std::equal(start.begin(), start.end(), bytes.begin());
}

// What the first bytes of a file that is no JPEG and no PNG tell.
std::string describe(std::span<const uint8_t> bytes) {
  const std::string_view text(reinterpret_cast<const char*>(bytes.data()),
                              std::min<size_t>(bytes.size(), 16));
  if (bytes.empty()) return "an empty file";
  if (text.starts_with("GIF8")) return "a GIF";
  if (text.starts_with("BM")) return "a BMP";
  if (text.starts_with("RIFF") && text.substr(8).starts_with("WEBP")) return "a WebP";
  if (text.starts_with("II*") || text.starts_with("MM")) return "a TIFF";
  static const char* digits = "0123456789abcdef";
  std::string found = "a file that begins with";
  for (size_t i = 0; i < std::min<size_t>(bytes.size(), 4); ++i) {
    found += std::string(" ") + digits[bytes[i] >> 4] + digits[bytes[i] & 15];
  }
  return found;
}

}  // namespace

void decode_image(std::span<const uint8_t> bytes, const std::string& name, int64_t channels,
                  Image& to) {
  if (channels != 1 && channels != 3) {
    throw base::InternalError("data::decode_image",
                              "asked for " + std::to_string(channels) + " channels");
  }
  if (starts_with(bytes, kJpegStart)) return decode_jpeg(bytes, name, channels, to);
  if (starts_with(bytes, kPngStart)) return decode_png(bytes, name, channels, to);
  throw base::DataError(name, "found " + describe(bytes) + ", expected a JPEG or a PNG",
                        "convert or remove the file");
}

Image decode_image(std::span<const uint8_t> bytes, const std::string& name, int64_t channels) {
  Image image;
  decode_image(bytes, name, channels, image);
  return image;
}

void read_image(const std::string& path, int64_t channels, Image& to) {
  const files::MappedFile file(path, files::FileKind::data);
  const auto bytes = file.bytes();
  decode_image({reinterpret_cast<const uint8_t*>(bytes.data()), bytes.size()}, path, channels, to);
}

Image read_image(const std::string& path, int64_t channels) {
  Image image;
  read_image(path, channels, image);
  return image;
}

}  // namespace swin::data
