// The input is read as an image file of any kind, and as the EXIF data of a JPEG.
#include "data/decode/decode.h"
#include "fuzz/check.h"

namespace {

void check(std::span<const uint8_t> bytes) {
  const int64_t orientation = swin::data::exif_orientation(bytes);
  swin::fuzz::require(orientation >= 1 && orientation <= 8);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::span<const uint8_t> bytes(data, size);
  check(bytes);
  if (size > 65000) return 0;
  const size_t length = size + 8;
  std::vector<uint8_t> jpeg = {0xFF,
                               0xD8,
                               0xFF,
                               0xE1,
                               static_cast<uint8_t>(length >> 8),
                               static_cast<uint8_t>(length),
                               'E',
                               'x',
                               'i',
                               'f',
                               0,
                               0};
  jpeg.insert(jpeg.end(), bytes.begin(), bytes.end());
  check(jpeg);
  return 0;
}
