// The only includer of libtiff. Reads the first page of a TIFF of 8-bit gray, palette or RGB
// samples as Pillow does.
#include <tiffio.h>

#include <algorithm>
#include <array>
#include <cstdarg>
#include <cstdio>
#include <cstring>
#include <utility>

#include "base/errors.h"
#include "base/owned.h"
#include "base/text.h"
#include "data/decode/decode.h"

namespace swin::data {
namespace {

// What libtiff reads from, and what it reports.
struct Source {
  std::span<const uint8_t> bytes;
  int64_t at = 0;
  std::string complaint;       // the first error
  std::string while_decoding;  // the first warning about the pixels
  bool decoding = false;
};

Source& source_of(thandle_t handle) { return *static_cast<Source*>(handle); }

tmsize_t read(thandle_t handle, void* to, tmsize_t size) {
  Source& source = source_of(handle);
  const auto all = static_cast<int64_t>(source.bytes.size());
  const int64_t count = std::clamp<int64_t>(all - source.at, 0, size);
  if (count > 0) std::memcpy(to, source.bytes.data() + source.at, static_cast<size_t>(count));
  source.at += count;
  return count;
}
tmsize_t write(thandle_t, void*, tmsize_t) { return 0; }
toff_t seek(thandle_t handle, toff_t offset, int from) {
  Source& source = source_of(handle);
  const auto all = static_cast<int64_t>(source.bytes.size());
  const int64_t start = from == SEEK_SET ? 0 : from == SEEK_CUR ? source.at : all;
  int64_t target = 0;
  if (__builtin_add_overflow(start, static_cast<int64_t>(offset), &target) || target < 0)
    return static_cast<toff_t>(-1);
  source.at = target;
  return static_cast<toff_t>(target);
}
int close(thandle_t) { return 0; }
toff_t size_of(thandle_t handle) { return source_of(handle).bytes.size(); }
// libtiff never writes into a mapped file.
int map(thandle_t handle, void** base, toff_t* size) {
  const Source& source = source_of(handle);
  *base = const_cast<uint8_t*>(source.bytes.data());
  *size = source.bytes.size();
  return 1;
}
void unmap(thandle_t, void*, toff_t) {}

void keep_first(std::string& place, const char* format, va_list arguments) {
  if (!place.empty()) return;
  char text[200];
  std::vsnprintf(text, sizeof text, format, arguments);
  place = base::printable(text);
}
// Returning 1 keeps libtiff from printing.
int on_error(TIFF*, void* source, const char*, const char* format, va_list arguments) {
  keep_first(source_of(source).complaint, format, arguments);
  return 1;
}
int on_warning(TIFF*, void* source, const char*, const char* format, va_list arguments) {
  if (source_of(source).decoding) keep_first(source_of(source).while_decoding, format, arguments);
  return 1;
}

// One allocation of libtiff; larger ones are refused by it.
constexpr tmsize_t kMaxTiffBytes = tmsize_t{1} << 30;

using Tiff = base::Owned<TIFF, TIFFClose>;

Tiff open(Source& source) {
  const base::Owned<TIFFOpenOptions, TIFFOpenOptionsFree> options(TIFFOpenOptionsAlloc());
  if (!options) throw base::MemoryError("libtiff", "no memory for a TIFF");
  TIFFOpenOptionsSetMaxSingleMemAlloc(options.get(), kMaxTiffBytes);
  TIFFOpenOptionsSetErrorHandlerExtR(options.get(), on_error, &source);
  TIFFOpenOptionsSetWarningHandlerExtR(options.get(), on_warning, &source);
  return Tiff(TIFFClientOpenExt("TIFF", "r", &source, read, write, seek, close, size_of, map, unmap,
                                options.get()));
}

// Whether the first directory says that samples are indices of a palette. libtiff takes them for
// gray where it finds no palette, and does not say so. Accepts any bytes.
bool claims_palette(std::span<const uint8_t> bytes) {
  const auto number = [&](uint64_t at, size_t size) {
    uint64_t value = 0;
    for (size_t i = 0; i < size && at < bytes.size() && size <= bytes.size() - at; ++i)
      value = value << 8 | bytes[at + (bytes[0] == 'I' ? size - 1 - i : i)];
    return value;
  };
  const bool big = number(2, 2) == 43;  // BigTIFF
  const uint64_t directory = big ? number(8, 8) : number(4, 4);
  const uint64_t entries = big ? number(directory, 8) : number(directory, 2);
  const uint64_t first = directory + (big ? 8 : 2), entry_bytes = big ? 20 : 12;
  for (uint64_t i = 0; i < std::min<uint64_t>(entries, 65535); ++i) {
    const uint64_t at = first + i * entry_bytes;
    if (number(at, 2) != TIFFTAG_PHOTOMETRIC) continue;
    const size_t size = number(at + 2, 2) == TIFF_SHORT ? 2 : 4;
    return number(at + (big ? 12 : 8), size) == PHOTOMETRIC_PALETTE;
  }
  return false;
}

class Reader {
 public:
  Reader(std::span<const uint8_t> bytes, const std::string& name, const DecodeOptions& options)
      : name_(name), source_{bytes, 0, {}, {}, false}, tiff_(open(source_)) {
    if (!tiff_) damaged("header");
    uint32_t width = 0, height = 0;
    if (!TIFFGetField(tiff_.get(), TIFFTAG_IMAGEWIDTH, &width) ||
        !TIFFGetField(tiff_.get(), TIFFTAG_IMAGELENGTH, &height) || width == 0 || height == 0)
      damaged("no size");
    width_ = width;
    height_ = height;
    check_size(name, "TIFF", height_, width_, options);
    take_kind();
    take_tiles(options);
    orientation_ = field<uint16_t>(TIFFTAG_ORIENTATION);
    if (orientation_ < 1 || orientation_ > 8) orientation_ = 1;
  }

  int64_t width() const { return width_; }
  int64_t height() const { return height_; }
  int64_t orientation() const { return orientation_; }

  /// Writes rows of red, green and blue.
  void decode(Image& to) {
    // A plane of one sample, or a single one of all samples.
    const int64_t planes = separate_ ? colors() : 1;
    to.reshape(height_, width_, 3);
    source_.decoding = true;
    for (int64_t plane = 0; plane < planes; ++plane)
      tile_width_ > 0 ? read_tiles(to, plane) : read_rows(to, plane);
    // libtiff only warns of a JPEG that ends too early, and goes on with gray.
    if (!source_.while_decoding.empty()) damaged(source_.while_decoding);
  }

 private:
  enum class Color { gray, inverted_gray, palette, rgb };

  [[noreturn]] void damaged(const std::string& what) const {
    const std::string& why = source_.complaint.empty() ? what : source_.complaint;
    throw base::DataError(name_, "damaged TIFF (" + why + "), expected a complete one",
                          "replace or remove the file");
  }
  [[noreturn]] void refuse(const std::string& found) const {
    throw base::DataError(
        name_, "found a TIFF of " + found + ", expected 8-bit gray, palette or RGB samples",
        "convert or remove the file");
  }
  template <class T>
  T field(uint32_t tag) const {
    T value{};
    TIFFGetFieldDefaulted(tiff_.get(), tag, &value);
    return value;
  }

  // The decoders of LZMA and Zstandard take as much memory as the data claim, up to gigabytes.
  void check_compression(uint16_t compression) const {
    switch (compression) {
      case COMPRESSION_NONE:
      case COMPRESSION_LZW:
      case COMPRESSION_ADOBE_DEFLATE:
      case COMPRESSION_DEFLATE:
      case COMPRESSION_PACKBITS:
      case COMPRESSION_JPEG:
        if (TIFFIsCODECConfigured(compression)) return;
    }
    throw base::DataError(name_,
                          "found a TIFF of compression " + std::to_string(compression) +
                              ", expected none (1), LZW (5), JPEG (7), Deflate (8 or 32946) or "
                              "PackBits (32773)",
                          "convert or remove the file");
  }

  void take_kind() {
    const auto compression = field<uint16_t>(TIFFTAG_COMPRESSION);
    check_compression(compression);
    const auto bits = field<uint16_t>(TIFFTAG_BITSPERSAMPLE);
    const auto kind = field<uint16_t>(TIFFTAG_SAMPLEFORMAT);
    if (kind == SAMPLEFORMAT_IEEEFP) refuse(std::to_string(bits) + "-bit floating-point samples");
    if (kind != SAMPLEFORMAT_UINT) refuse("signed or complex samples");
    if (bits != 8) refuse(std::to_string(bits) + "-bit samples");
    samples_ = field<uint16_t>(TIFFTAG_SAMPLESPERPIXEL);
    separate_ = field<uint16_t>(TIFFTAG_PLANARCONFIG) == PLANARCONFIG_SEPARATE;
    uint16_t photometric = PHOTOMETRIC_MINISWHITE;  // what Pillow assumes where it is missing
    TIFFGetField(tiff_.get(), TIFFTAG_PHOTOMETRIC, &photometric);
    take_color(photometric, compression);
    take_extra_samples();
    // Compressed sizes can be anything.
    if (compression == COMPRESSION_NONE &&
        width_ * height_ * colors() > static_cast<int64_t>(source_.bytes.size()))
      damaged(std::to_string(source_.bytes.size()) + " bytes that claim " + std::to_string(width_) +
              " × " + std::to_string(height_) + " pixels");
  }

  void take_color(uint16_t photometric, uint16_t compression) {
    switch (photometric) {
      case PHOTOMETRIC_MINISWHITE:
        color_ = Color::inverted_gray;
        break;
      case PHOTOMETRIC_MINISBLACK:
        color_ = Color::gray;
        break;
      case PHOTOMETRIC_RGB:
        color_ = Color::rgb;
        break;
      case PHOTOMETRIC_PALETTE:
        color_ = Color::palette;
        break;
      case PHOTOMETRIC_YCBCR:
        if (compression != COMPRESSION_JPEG || separate_ || samples_ != 3) refuse("YCbCr samples");
        // libjpeg converts, as for a JPEG file.
        TIFFSetField(tiff_.get(), TIFFTAG_JPEGCOLORMODE, JPEGCOLORMODE_RGB);
        color_ = Color::rgb;
        break;
      case PHOTOMETRIC_SEPARATED:
        refuse("CMYK samples");
      case PHOTOMETRIC_CIELAB:
      case PHOTOMETRIC_ICCLAB:
      case PHOTOMETRIC_ITULAB:
        refuse("Lab samples");
      default:
        refuse("photometric interpretation " + std::to_string(photometric));
    }
    if (color_ != Color::palette) {
      if (claims_palette(source_.bytes)) damaged("no palette");
      return;
    }
    std::array<uint16_t*, 3> maps{};
    if (!TIFFGetField(tiff_.get(), TIFFTAG_COLORMAP, &maps[0], &maps[1], &maps[2]))
      damaged("no palette");
    for (size_t i = 0; i < 256; ++i)
      for (size_t c = 0; c < 3; ++c) palette_[i][c] = static_cast<uint8_t>(maps[c][i] >> 8);
  }

  void take_extra_samples() {
    if (samples_ < colors() || samples_ > colors() + 3)
      refuse(std::to_string(samples_) + " samples per pixel");
    uint16_t count = 0, *kinds = nullptr;
    if (!TIFFGetField(tiff_.get(), TIFFTAG_EXTRASAMPLES, &count, &kinds)) count = 0;
    premultiplied_ = count > 0 && kinds[0] == EXTRASAMPLE_ASSOCALPHA;
    if (premultiplied_ && (colors() == 1 || separate_ || samples_ < 4))
      refuse("gray or separate samples multiplied by their alpha");
    if (color_ == Color::inverted_gray && samples_ > 1) refuse("inverted gray with alpha");
  }

  void take_tiles(const DecodeOptions& options) {
    if (!TIFFIsTiled(tiff_.get())) return;
    tile_width_ = field<uint32_t>(TIFFTAG_TILEWIDTH);
    tile_height_ = field<uint32_t>(TIFFTAG_TILELENGTH);
    if (tile_width_ < 1 || tile_height_ < 1) damaged("tiles without size");
    check_size(name_, "TIFF with tiles", tile_height_, tile_width_, options);
  }

  int64_t colors() const { return color_ == Color::rgb ? 3 : 1; }
  int64_t row_samples() const { return separate_ ? 1 : samples_; }

  void read_rows(Image& to, int64_t plane) {
    const int64_t bytes = width_ * row_samples();
    if (TIFFScanlineSize(tiff_.get()) != bytes) damaged("rows of another size");
    std::vector<uint8_t> row(static_cast<size_t>(bytes));
    for (int64_t y = 0; y < height_; ++y) {
      if (TIFFReadScanline(tiff_.get(), row.data(), static_cast<uint32_t>(y),
                           static_cast<uint16_t>(plane)) != 1)
        damaged("row " + std::to_string(y));
      take_row(row.data(), to.row(y), width_, plane);
    }
  }

  void read_tiles(Image& to, int64_t plane) {
    const int64_t row_bytes = tile_width_ * row_samples();
    if (TIFFTileSize(tiff_.get()) != row_bytes * tile_height_) damaged("tiles of another size");
    std::vector<uint8_t> tile(static_cast<size_t>(row_bytes * tile_height_));
    for (int64_t top = 0; top < height_; top += tile_height_) {
      for (int64_t left = 0; left < width_; left += tile_width_) {
        if (TIFFReadTile(tiff_.get(), tile.data(), static_cast<uint32_t>(left),
                         static_cast<uint32_t>(top), 0, static_cast<uint16_t>(plane)) < 0)
          damaged("the tile at " + std::to_string(left) + ", " + std::to_string(top));
        for (int64_t y = top; y < std::min(top + tile_height_, height_); ++y)
          take_row(tile.data() + (y - top) * row_bytes, to.row(y) + 3 * left,
                   std::min(tile_width_, width_ - left), plane);
      }
    }
  }

  void take_row(const uint8_t* from, uint8_t* to, int64_t pixels, int64_t plane) const {
    const int64_t step = row_samples();
    for (int64_t x = 0; x < pixels; ++x, from += step, to += 3) {
      if (color_ == Color::palette) {
        std::copy_n(palette_[*from].data(), 3, to);
      } else if (color_ != Color::rgb) {
        std::fill_n(to, 3, static_cast<uint8_t>(color_ == Color::gray ? *from : 255 - *from));
      } else if (separate_) {
        to[plane] = *from;
      } else if (!premultiplied_) {
        std::copy_n(from, 3, to);
      } else {
        const int alpha = from[3];
        for (int c = 0; c < 3; ++c)
          to[c] = static_cast<uint8_t>(alpha == 0 ? 0 : std::min(255, from[c] * 255 / alpha));
      }
    }
  }

  const std::string& name_;
  Source source_;
  Tiff tiff_;
  int64_t width_ = 0, height_ = 0, orientation_ = 1;
  int64_t samples_ = 1;
  int64_t tile_width_ = 0, tile_height_ = 0;  // 0: strips
  bool separate_ = false, premultiplied_ = false;
  Color color_ = Color::gray;
  std::array<std::array<uint8_t, 3>, 256> palette_{};
};

}  // namespace

void decode_tiff(std::span<const uint8_t> bytes, const std::string& name, int64_t channels,
                 const DecodeOptions& options, Image& to) {
  Reader reader(bytes, name, options);
  // Pillow turns a TIFF as it opens it, whether asked to or not.
  if (options.header_only) {
    to = {reader.height(), reader.width(), channels, {}};
    if (reader.orientation() >= 5) std::swap(to.height, to.width);
    return;
  }
  Image decoded, turned;
  const bool turn = reader.orientation() != 1;
  Image& target = channels == 3 && !turn ? to : decoded;
  reader.decode(target);
  if (turn) orient(decoded, reader.orientation(), channels == 3 ? to : turned);
  if (channels == 1) convert_channels(turn ? turned : decoded, 1, to);
}

}  // namespace swin::data
