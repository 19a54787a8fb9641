// The only includer of libexif. Finds the EXIF data in the three kinds of files.
#include <libexif/exif-data.h>

#include <algorithm>
#include <string_view>

#include "base/owned.h"
#include "data/decode/decode.h"
#include "data/decode/jpeg_markers.h"
#include "files/bytes.h"

namespace swin::data {
namespace {

using Bytes = std::span<const uint8_t>;
using files::text_of;
using std::string_view_literals::operator""sv;

constexpr std::string_view kExifStart = "Exif\0\0"sv;

void append(std::vector<uint8_t>& to, Bytes bytes) {
  to.insert(to.end(), bytes.begin(), bytes.end());
}

// The APP1 segments before the first scan that start with "Exif", joined.
std::vector<uint8_t> exif_of_jpeg(Bytes bytes) {
  std::vector<uint8_t> exif;
  for (const auto& [marker, body] : jpeg_segments(bytes))
    if (marker == 0xE1 && text_of(body).starts_with(kExifStart))
      append(exif, exif.empty() ? body : body.subspan(kExifStart.size()));
  return exif;
}

// The body of the first EXIF chunk. A PNG chunk is (length, name, body, checksum), a RIFF chunk
// (name, length, body, padding to an even size).
std::vector<uint8_t> exif_of_chunks(Bytes bytes, bool png) {
  size_t at = png ? 8 : 12;
  while (bytes.size() - std::min(at, bytes.size()) >= 8) {
    const Bytes head = bytes.subspan(at, 8);
    const uint8_t* l = head.data() + (png ? 0 : 4);
    const size_t length = png ? (size_t{l[0]} << 24) + (l[1] << 16) + (l[2] << 8) + l[3]
                              : (size_t{l[3]} << 24) + (l[2] << 16) + (l[1] << 8) + l[0];
    if (length > bytes.size() - at - 8) break;
    if (text_of(head.subspan(png ? 4 : 0, 4)) == (png ? "eXIf" : "EXIF")) {
      const Bytes body = bytes.subspan(at + 8, length);
      std::vector<uint8_t> exif;
      if (!text_of(body).starts_with(kExifStart))
        append(exif, Bytes(reinterpret_cast<const uint8_t*>(kExifStart.data()), kExifStart.size()));
      append(exif, body);
      return exif;
    }
    at += 8 + length + (png ? 4 : length % 2);
  }
  return {};
}

}  // namespace

int64_t exif_orientation(std::span<const uint8_t> bytes) {
  const ImageKind kind = kind_of(bytes);
  if (kind != ImageKind::jpeg && kind != ImageKind::png && kind != ImageKind::webp) return 1;
  const std::vector<uint8_t> exif =
      kind == ImageKind::jpeg ? exif_of_jpeg(bytes) : exif_of_chunks(bytes, kind == ImageKind::png);
  // libexif takes the size as unsigned int, and EXIF data are never that large.
  if (exif.empty() || exif.size() > (size_t{64} << 20)) return 1;
  const base::Owned<ExifData, exif_data_unref> data(exif_data_new());
  if (!data) return 1;
  exif_data_unset_option(data.get(),
                         EXIF_DATA_OPTION_FOLLOW_SPECIFICATION);  // keep the entries as they are
  exif_data_load_data(data.get(), exif.data(), static_cast<unsigned>(exif.size()));
  const ExifEntry* entry = exif_content_get_entry(data->ifd[EXIF_IFD_0], EXIF_TAG_ORIENTATION);
  if (!entry || !entry->data || entry->components < 1) return 1;
  const ExifByteOrder order = exif_data_get_byte_order(data.get());
  uint32_t value = 1;
  if (entry->format == EXIF_FORMAT_SHORT && entry->size >= 2)
    value = exif_get_short(entry->data, order);
  else if (entry->format == EXIF_FORMAT_LONG && entry->size >= 4)
    value = exif_get_long(entry->data, order);
  return value >= 1 && value <= 8 ? static_cast<int64_t>(value) : 1;
}

}  // namespace swin::data
