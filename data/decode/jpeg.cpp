// The only includer of TurboJPEG.
#include <turbojpeg.h>

#include <algorithm>

#include "base/errors.h"
#include "base/owned.h"
#include "data/decode/decode.h"
#include "data/decode/jpeg_markers.h"

namespace swin::data {
namespace {

// Every image gets a new one: a used one keeps tables and state of the last file, so a damaged file
// could change how the next one is decoded. Creating one takes microseconds.
using TurboJpeg = base::Owned<void, tjDestroy>;

TurboJpeg make_decompressor() {
  TurboJpeg made(tjInitDecompress());
  if (!made) throw base::MemoryError("TurboJPEG", "no memory for a decompressor");
  return made;
}

// round(a·b / 255) for bytes, as Pillow rounds.
uint32_t multiply_255(uint32_t a, uint32_t b) {
  const uint32_t product = a * b + 128;
  return ((product >> 8) + product) >> 8;
}

// Adobe writes CMYK inverted: 255 is no ink.
void cmyk_to_rgb(const std::vector<uint8_t>& inverted, uint8_t* rgb) {
  for (size_t i = 0; i + 3 < inverted.size(); i += 4) {
    const uint32_t paper = inverted[i + 3];  // 255 − black
    for (size_t c = 0; c < 3; ++c) {
      const uint32_t ink = 255u - inverted[i + c];
      *rgb++ = static_cast<uint8_t>(paper - multiply_255(ink, paper));
    }
  }
}

// The largest of 8, 4, 2, 1 by which the size may be divided.
int denominator_of(int height, int width, const DecodeOptions& options) {
  if (options.min_short_side <= 0 && options.min_pixels <= 0) return 1;
  for (const int denominator : {8, 4, 2}) {
    const tjscalingfactor scale = {1, denominator};
    const int64_t h = TJSCALED(height, scale), w = TJSCALED(width, scale);
    if (std::min(h, w) >= options.min_short_side && h * w >= options.min_pixels) return denominator;
  }
  return 1;
}

// The parameters of decoding one file, which stay the same in all attempts.
struct Decoding {
  int height, width;  // of the decoded image
  TJPF format;
  uint8_t* pixels;

  // @return the warning or error of TurboJPEG; empty: none.
  std::string run(std::span<const uint8_t> bytes, bool stop_on_warning) const {
    const TurboJpeg decompressor = make_decompressor();
    // Pillow's decoder: accurate DCT, smooth upsampling.
    const int flags =
        TJFLAG_ACCURATEDCT | TJFLAG_LIMITSCANS | (stop_on_warning ? TJFLAG_STOPONWARNING : 0);
    const int result =
        tjDecompress2(decompressor.get(), bytes.data(), static_cast<unsigned long>(bytes.size()),
                      pixels, width, 0, height, format, flags);
    return result == 0 ? "" : tjGetErrorStr2(decompressor.get());
  }

  // Damage is an error, so decoding stops at the first warning. Otherwise TurboJPEG reports only
  // the first warning, and a harmless one would hide later damage. Harmless oddities are therefore
  // corrected, and the result is decoded as strictly.
  std::string run(std::span<const uint8_t> bytes) const {
    std::string warning = run(bytes, true);
    if (warning.empty()) return warning;
    std::vector<uint8_t> tidy = without_oddities(bytes);
    if (!tidy.empty()) {
      bytes = tidy;
      warning = run(bytes, true);
    }
    // A first warning at the very end: all scans were complete, and nothing follows.
    if (warning.ends_with("extraneous bytes before marker 0xd9") && run(bytes, false) == warning)
      return "";
    return warning;
  }
};

}  // namespace

void decode_jpeg(std::span<const uint8_t> bytes, const std::string& name, int64_t channels,
                 const DecodeOptions& options, Image& to) {
  const auto fail = [&](const std::string& why) -> base::DataError {
    return {name, "damaged JPEG (" + why + "), expected a complete one",
            "replace or remove the file"};
  };
  int width = 0, height = 0, subsampling = 0, colorspace = -1;
  const TurboJpeg header = make_decompressor();
  tjDecompressHeader3(header.get(), bytes.data(), static_cast<unsigned long>(bytes.size()), &width,
                      &height, &subsampling, &colorspace);
  // It also fails on warnings and on samplings that it has no name for, with all values set.
  if (width <= 0 || height <= 0 || colorspace < 0) throw fail(tjGetErrorStr2(header.get()));
  check_size(name, "JPEG", height, width, options);
  const tjscalingfactor scale = {1, denominator_of(height, width, options)};
  height = TJSCALED(height, scale);
  width = TJSCALED(width, scale);
  if (options.header_only) return void(to = {height, width, channels, {}});
  const auto decompress = [&](uint8_t* pixels, TJPF format) {
    const std::string warning = Decoding{height, width, format, pixels}.run(bytes);
    if (!warning.empty()) throw fail(warning);
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

std::vector<uint8_t> encode_jpeg(const Image& image) {
  constexpr int kQuality = 95;
  const TurboJpeg compressor(tjInitCompress());
  if (!compressor) throw base::MemoryError("TurboJPEG", "no memory for a compressor");
  const bool gray = image.channels == 1;
  unsigned char* file = nullptr;
  unsigned long size = 0;
  const int result =
      tjCompress2(compressor.get(), image.pixels.data(), static_cast<int>(image.width), 0,
                  static_cast<int>(image.height), gray ? TJPF_GRAY : TJPF_RGB, &file, &size,
                  gray ? TJSAMP_GRAY : TJSAMP_444, kQuality, TJFLAG_ACCURATEDCT);
  const base::Owned<unsigned char, tjFree> owner(file);
  if (result != 0) throw base::InternalError("encode_jpeg", tjGetErrorStr2(compressor.get()));
  return std::vector<uint8_t>(file, file + size);
}

}  // namespace swin::data
