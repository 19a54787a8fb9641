// The input is an image file; SWIN_FUZZ_DECODER is the decoder that reads it.
#include <algorithm>
#include <optional>

#include "data/decode/decode.h"
#include "fuzz/check.h"

namespace {

using swin::data::DecodeOptions;
using swin::data::Image;

// @return the image, or nothing if a DataError refuses the file.
std::optional<Image> decode(std::span<const uint8_t> bytes, int64_t channels,
                            const DecodeOptions& options, uint8_t before) {
  Image image;
  image.reshape(64, 64, 3);
  std::fill(image.pixels.begin(), image.pixels.end(), before);
  try {
    swin::data::SWIN_FUZZ_DECODER(bytes, "input", channels, options, image);
  } catch (const swin::base::DataError&) {
    return std::nullopt;
  }
  return image;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::span<const uint8_t> bytes(data, size);
  // The limit keeps the cost of an input far below that of 100 megapixels.
  for (const DecodeOptions& options :
       {DecodeOptions{.max_pixels = 1 << 16},
        DecodeOptions{.min_short_side = 8, .min_pixels = 100, .max_pixels = 1 << 16}}) {
    for (const int64_t channels : {3, 1}) {
      const auto first = decode(bytes, channels, options, 0x55);
      if (!first) continue;
      swin::fuzz::require(first->channels == channels && first->height > 0 && first->width > 0);
      swin::fuzz::require(first->height * first->width <= options.max_pixels);
      swin::fuzz::require(static_cast<int64_t>(first->pixels.size()) ==
                          first->height * first->width * channels);
      // Every byte comes from the file, none from the previous contents of the memory.
      swin::fuzz::require(decode(bytes, channels, options, 0xAA) == first);
    }
  }
  return 0;
}
