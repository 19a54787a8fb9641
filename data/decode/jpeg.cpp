// The only door to TurboJPEG.
#include <turbojpeg.h>

#include <algorithm>
#include <utility>

#include "base/errors.h"
#include "data/decode/decode.h"
#include "data/decode/jpeg_markers.h"

namespace swin::data {
namespace {

// One for each image: a used one keeps tables and state of the file before, so a damaged file
// could change how the next one reads. Making one takes microseconds.
class Decompressor {
 public:
  Decompressor() : handle_(tjInitDecompress()) {
    if (!handle_) throw base::MemoryError("TurboJPEG", "no memory for a decompressor");
  }
  ~Decompressor() { tjDestroy(handle_); }
  Decompressor(const Decompressor&) = delete;
  Decompressor& operator=(const Decompressor&) = delete;
  tjhandle get() const { return handle_; }

 private:
  tjhandle handle_;
};

// round(a·b / 255) for bytes, as Pillow rounds.
uint32_t multiply_255(uint32_t a, uint32_t b) {
  const uint32_t product = a * b + 128;
  return ((product >> 8) + product) >> 8;
}

// CMYK files are Adobe's, whose bytes are inverted: 255 is no ink.
void cmyk_to_rgb(const std::vector<uint8_t>& inverted, uint8_t* rgb) {
  for (size_t i = 0; i + 3 < inverted.size(); i += 4) {
    const uint32_t paper = inverted[i + 3];  // 255 − black
    for (size_t c = 0; c < 3; ++c) {
      const uint32_t ink = 255u - inverted[i + c];
      *rgb++ = static_cast<uint8_t>(paper - multiply_255(ink, paper));
    }
  }
}

// The largest of 8, 4, 2, 1 by which the image may be divided.
int denominator_of(int height, int width, const DecodeOptions& options) {
  if (options.min_short_side <= 0 && options.min_pixels <= 0) return 1;
  for (const int denominator : {8, 4, 2}) {
    const tjscalingfactor scale = {1, denominator};
    const int64_t h = TJSCALED(height, scale), w = TJSCALED(width, scale);
    if (std::min(h, w) >= options.min_short_side && h * w >= options.min_pixels) return denominator;
  }
  return 1;
}

// A decoding of one file: what stays the same from one try to the next.
struct Decoding {
  int height, width;  // of the image that is made
  TJPF format;
  uint8_t* pixels;

  // @return what TurboJPEG has to say against the file, empty: nothing.
  std::string run(std::span<const uint8_t> bytes, bool stop_on_warning) const {
    const Decompressor decompressor;
    // Pillow's decoder: accurate DCT, smooth upsampling.
    const int flags =
        TJFLAG_ACCURATEDCT | TJFLAG_LIMITSCANS | (stop_on_warning ? TJFLAG_STOPONWARNING : 0);
    const int result =
        tjDecompress2(decompressor.get(), bytes.data(), static_cast<unsigned long>(bytes.size()),
                      pixels, width, 0, height, format, flags);
    return result == 0 ? "" : tjGetErrorStr2(decompressor.get());
  }

  // Damage is an error, not a gray area: the first warning ends a decoding. Without that TurboJPEG
  // tells the first warning alone, so a harmless one would hide the damage behind it. What is
  // harmless is therefore put right, and decoded as strictly again.
  std::string run(std::span<const uint8_t> bytes) const {
    std::string mismatch = run(bytes, true);
    if (mismatch.empty()) return mismatch;
    std::vector<uint8_t> tidy = without_oddities(bytes);
    if (!tidy.empty()) {
      bytes = tidy;
      mismatch = run(bytes, true);
    }
    // The first warning of all at the very end: all scans were whole, and nothing follows.
    if (mismatch.ends_with("extraneous bytes before marker 0xd9") && run(bytes, false) == mismatch)
      return "";
    return mismatch;
  }
};

}  // namespace

void decode_jpeg(std::span<const uint8_t> bytes, const std::string& name, int64_t channels,
                 const DecodeOptions& options, Image& to) {
  const auto fail = [&](const std::string& mismatch) -> base::DataError {
    return {name, "damaged JPEG (" + mismatch + "), expected a whole one",
            "replace or remove the file"};
  };
  int width = 0, height = 0, subsampling = 0, colorspace = -1;
  const Decompressor header;
  tjDecompressHeader3(header.get(), bytes.data(), static_cast<unsigned long>(bytes.size()), &width,
                      &height, &subsampling, &colorspace);
  // It fails on mere warnings and on samplings it has no name for, though all is told.
  if (width <= 0 || height <= 0 || colorspace < 0) throw fail(tjGetErrorStr2(header.get()));
  check_size(name, "JPEG", height, width, options);
  const tjscalingfactor scale = {1, denominator_of(height, width, options)};
  height = TJSCALED(height, scale);
  width = TJSCALED(width, scale);
  const auto decompress = [&](uint8_t* pixels, TJPF format) {
    const std::string mismatch = Decoding{height, width, format, pixels}.run(bytes);
    if (!mismatch.empty()) throw fail(mismatch);
  };
  Image decoded;
  if (colorspace == TJCS_CMYK || colorspace == TJCS_YCCK) {
    std::vector<uint8_t> cmyk(static_cast<size_t>(width) * static_cast<size_t>(height) * 4);
    decompress(cmyk.data(), TJPF_CMYK);
    decoded.reshape(height, width, 3);
    cmyk_to_rgb(cmyk, decoded.pixels.data());
  } else {
    const bool gray = colorspace == TJCS_GRAY;
    Image& target = (gray ? 1 : 3) == channels ? to : decoded;
    target.reshape(height, width, gray ? 1 : 3);
    decompress(target.pixels.data(), gray ? TJPF_GRAY : TJPF_RGB);
    if (&target == &to) return;
  }
  convert_channels(decoded, channels, to);
}

}  // namespace swin::data
