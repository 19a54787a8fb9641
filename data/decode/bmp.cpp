// Windows and OS/2 bitmaps, by hand: the one library Debian has for them (libnsbmp) reads RLE,
// masks and missing palette entries differently from Pillow, whose bytes are wanted. The format:
// Microsoft, "Bitmap Storage"; OS/2 Presentation Manager, "Bitmap File Format".
#include <algorithm>
#include <array>

#include "base/errors.h"
#include "data/decode/decode.h"

namespace swin::data {
namespace {

using Bytes = std::span<const uint8_t>;

constexpr int64_t kFileHeader = 14, kOs2Header = 12, kInfoHeader = 40;
enum Compression : uint32_t { kNone = 0, kRle8 = 1, kRle4 = 2, kBitfields = 3 };

struct Header {
  int64_t width = 0, height = 0;
  bool top_down = false;
  int64_t bits = 0;
  uint32_t compression = kNone;
  int64_t colors_end = 0;                             // where the palette and the masks end
  int64_t pixels = 0;                                 // where the pixels begin
  std::array<std::array<uint8_t, 3>, 256> palette{};  // red, green, blue; of at most 8 bits
  std::array<int, 3> byte_of{2, 1, 0};                // of red, green, blue in 24 and 32 bits
  bool green_has_6_bits = false;                      // of 16 bits

  int64_t row_bytes() const { return (width * bits + 31) / 32 * 4; }
};

class Reader {
 public:
  Reader(Bytes bytes, const std::string& name) : bytes_(bytes), name_(name) {}

  Header header(const DecodeOptions& options) const {
    Header h;
    const int64_t header_bytes = u32(kFileHeader);
    if (header_bytes == kOs2Header) {
      h.width = u16(18);
      h.height = u16(20);
      h.bits = u16(24);
    } else if (is_info_header(header_bytes)) {
      need(kFileHeader + header_bytes);
      h.width = u32(18);
      h.height = u32(22);
      h.top_down = h.height >> 24 == 0xFF;  // negative; Pillow looks at this byte alone
      if (h.top_down) h.height = (int64_t{1} << 32) - h.height;
      h.bits = u16(28);
      h.compression = u32(30);
    } else {
      refuse("a header of " + std::to_string(header_bytes) + " bytes",
             "12, 40, 52, 56, 64, 108 or 124");
    }
    if (h.width < 1 || h.height < 1)
      refuse("a size of " + std::to_string(h.width) + " × " + std::to_string(h.height),
             "at least one pixel");
    check_size(name_, "BMP", h.height, h.width, options);
    check_kind(h);
    h.colors_end = kFileHeader + header_bytes;
    if (h.compression == kBitfields) read_masks(h, header_bytes);
    const int64_t stated = u32(10);
    h.pixels = stated;
    if (h.bits <= 8) read_palette(h, header_bytes, stated);
    if (stated == 0) h.pixels = h.colors_end;
    // The padding of the last row may be missing.
    if (h.compression != kRle8 && h.compression != kRle4)
      need(h.pixels + h.row_bytes() * (h.height - 1) + (h.width * h.bits + 7) / 8);
    return h;
  }

  // Writes rows of red, green and blue.
  void decode(const Header& h, Image& to) const {
    to.reshape(h.height, h.width, 3);
    if (h.compression == kRle8 || h.compression == kRle4) return decode_runs(h, to);
    for (int64_t y = 0; y < h.height; ++y) {
      const uint8_t* source = bytes_.data() + h.pixels + y * h.row_bytes();
      uint8_t* target = to.row(h.top_down ? y : h.height - 1 - y);
      if (h.bits <= 8) {
        for (int64_t x = 0; x < h.width; ++x, target += 3) {
          const int64_t at = x * h.bits;
          const int64_t shift = 8 - h.bits - at % 8;
          const int index = (source[at / 8] >> shift) & ((1 << h.bits) - 1);
          std::copy_n(h.palette[static_cast<size_t>(index)].data(), 3, target);
        }
      } else if (h.bits == 16) {
        const int green_bits = h.green_has_6_bits ? 6 : 5, green_most = (1 << green_bits) - 1;
        for (int64_t x = 0; x < h.width; ++x, source += 2) {
          const int pixel = source[0] | source[1] << 8;
          *target++ = static_cast<uint8_t>(((pixel >> (5 + green_bits)) & 31) * 255 / 31);
          *target++ = static_cast<uint8_t>(((pixel >> 5) & green_most) * 255 / green_most);
          *target++ = static_cast<uint8_t>((pixel & 31) * 255 / 31);
        }
      } else {
        for (int64_t x = 0; x < h.width; ++x, source += h.bits / 8)
          for (const int byte : h.byte_of) *target++ = source[byte];
      }
    }
  }

 private:
  static bool is_info_header(int64_t size) {
    return size == kInfoHeader || size == 52 || size == 56 || size == 64 || size == 108 ||
           size == 124;
  }

  [[noreturn]] void refuse(const std::string& found, const std::string& expected) const {
    throw base::DataError(name_, "found a BMP with " + found + ", expected " + expected,
                          "convert or remove the file");
  }
  [[noreturn]] void damaged(const std::string& what) const {
    throw base::DataError(name_, "damaged BMP (" + what + "), expected a complete one",
                          "replace or remove the file");
  }
  void need(int64_t size_bytes) const {
    const auto found = static_cast<int64_t>(bytes_.size());
    if (found < size_bytes)
      damaged(std::to_string(found) + " bytes of at least " + std::to_string(size_bytes));
  }
  uint32_t u16(int64_t at) const {
    need(at + 2);
    const uint8_t* b = bytes_.data() + at;
    return static_cast<uint32_t>(b[0] | b[1] << 8);
  }
  uint32_t u32(int64_t at) const { return u16(at) | u16(at + 2) << 16; }

  void check_kind(const Header& h) const {
    const bool known =
        h.bits == 1 || h.bits == 4 || h.bits == 8 || h.bits == 16 || h.bits == 24 || h.bits == 32;
    if (!known) refuse(std::to_string(h.bits) + " bits per pixel", "1, 4, 8, 16, 24 or 32");
    const bool fits = h.compression == kNone || (h.compression == kRle8 && h.bits == 8) ||
                      (h.compression == kRle4 && h.bits == 4) ||
                      (h.compression == kBitfields && h.bits >= 16);
    if (!fits)
      refuse("compression " + std::to_string(h.compression) + " at " + std::to_string(h.bits) +
                 " bits per pixel",
             "none (0), RLE8 (1), RLE4 (2) or masks of 16 bits or more (3)");
  }

  // The masks are part of later headers and follow the one of 40 bytes; both are byte 54.
  void read_masks(Header& h, int64_t header_bytes) const {
    const std::array<uint32_t, 3> rgb = {u32(54), u32(58), u32(62)};
    const uint32_t alpha = header_bytes >= 56 ? u32(66) : 0;
    if (header_bytes == kInfoHeader) h.colors_end += 12;
    using Masks = std::array<uint32_t, 3>;
    if (h.bits == 16) {
      h.green_has_6_bits = rgb == Masks{0xF800, 0x7E0, 0x1F};
      if (h.green_has_6_bits || rgb == Masks{0x7C00, 0x3E0, 0x1F}) return;
    } else if (h.bits == 24) {
      if (rgb == Masks{0xFF0000, 0xFF00, 0xFF}) return;
    } else {
      struct Layout {
        Masks rgb;
        uint32_t alpha;
        std::array<int, 3> byte_of;
      };
      static constexpr Layout kLayouts[] = {
          {{0xFF0000, 0xFF00, 0xFF}, 0, {2, 1, 0}},
          {{0xFF000000, 0xFF0000, 0xFF00}, 0, {3, 2, 1}},
          {{0xFF000000, 0xFF00, 0xFF}, 0, {3, 1, 0}},
          {{0xFF000000, 0xFF0000, 0xFF00}, 0xFF, {3, 2, 1}},
          {{0xFF, 0xFF00, 0xFF0000}, 0xFF000000, {0, 1, 2}},
          {{0xFF0000, 0xFF00, 0xFF}, 0xFF000000, {2, 1, 0}},
          {{0xFF000000, 0xFF00, 0xFF}, 0xFF0000, {3, 1, 0}},
          {{0, 0, 0}, 0, {2, 1, 0}},
      };
      for (const Layout& layout : kLayouts) {
        if (rgb != layout.rgb || alpha != layout.alpha) continue;
        h.byte_of = layout.byte_of;
        return;
      }
    }
    refuse("unusual color masks", "those of 5-5-5, 5-6-5 or whole bytes");
  }

  void read_palette(Header& h, int64_t header_bytes, int64_t stated) const {
    const int64_t entry = header_bytes == kOs2Header ? 3 : 4;
    int64_t colors = header_bytes == kOs2Header ? 0 : u32(46);
    if (colors == 0) colors = int64_t{1} << h.bits;
    if (colors > 256) refuse("a palette of " + std::to_string(colors) + " colors", "at most 256");
    need(h.colors_end + entry * colors);
    bool gray = true;
    for (int64_t i = 0; i < colors; ++i) {
      const uint8_t* blue = bytes_.data() + h.colors_end + entry * i;
      auto& color = h.palette[static_cast<size_t>(i)];
      color = {blue[2], blue[1], blue[0]};
      const auto level = static_cast<uint8_t>(colors == 2 ? 255 * i : i);
      gray &= color == std::array{level, level, level};
    }
    // Pillow drops a palette of ascending grays: larger indices are gray, too. Else they are black.
    for (int64_t i = colors; gray && i < 256; ++i)
      h.palette[static_cast<size_t>(i)].fill(static_cast<uint8_t>(h.bits == 1 ? 255 : i));
    h.colors_end += entry * colors;
    // Some files state the end of the header instead.
    if (stated == kFileHeader + header_bytes) h.pixels = h.colors_end;
  }

  // Pillow's BmpRleDecoder: a run ends with its row at the latest, a literal may go on in the next.
  void decode_runs(const Header& h, Image& to) const {
    const int64_t all = h.width * h.height;
    int64_t done = 0, x = 0, at = h.pixels;
    const auto put = [&](int index) {
      const int64_t y = done / h.width;
      uint8_t* row = to.row(h.top_down ? y : h.height - 1 - y);
      std::copy_n(h.palette[static_cast<size_t>(index)].data(), 3, row + 3 * (done % h.width));
      ++done;
    };
    // The index at a place of a run or literal, whose bytes start at `from`.
    const auto index = [&](int64_t from, int64_t place) -> int {
      if (h.compression == kRle8) return bytes_[static_cast<size_t>(from + place)];
      const uint8_t byte = bytes_[static_cast<size_t>(from + place / 2)];
      return place % 2 == 0 ? byte >> 4 : byte & 15;
    };
    const auto size = static_cast<int64_t>(bytes_.size());
    while (done < all && size - at >= 2) {
      const uint8_t count = bytes_[static_cast<size_t>(at)],
                    byte = bytes_[static_cast<size_t>(at + 1)];
      at += 2;
      if (count > 0) {
        const int64_t pixels = std::clamp<int64_t>(h.width - x, 0, count);
        const int64_t left = all - done;  // put() raises `done`
        for (int64_t i = 0; i < std::min(pixels, left); ++i)
          put(h.compression == kRle8 ? byte : index(at - 1, i % 2));
        x += pixels;
      } else if (byte == 0) {  // end of the row
        while (done % h.width != 0) put(0);
        x = 0;
      } else if (byte == 1) {  // end of the image
        break;
      } else if (byte == 2) {  // skip
        if (size - at < 2) break;
        const int64_t skipped =
            bytes_[static_cast<size_t>(at)] + h.width * bytes_[static_cast<size_t>(at + 1)];
        at += 2;
        for (int64_t i = std::min(skipped, all - done); i > 0; --i) put(0);
        x = done % h.width;
      } else {  // a literal, padded to an even place in the file
        const int64_t pixels = std::min<int64_t>(all - done, byte);
        const int64_t taken = h.compression == kRle8 ? pixels : (pixels + 1) / 2;
        if (size - at < taken) break;
        for (int64_t i = 0; i < pixels; ++i) put(index(at, i));
        at += taken;
        at += at % 2;
        x += byte;
      }
    }
    if (done < all)
      damaged("its runs end after " + std::to_string(done) + " of " + std::to_string(all) +
              " pixels");
  }

  Bytes bytes_;
  const std::string& name_;
};

}  // namespace

void decode_bmp(std::span<const uint8_t> bytes, const std::string& name, int64_t channels,
                const DecodeOptions& options, Image& to) {
  const Reader reader(bytes, name);
  const Header header = reader.header(options);
  if (options.header_only) return void(to = {header.height, header.width, channels, {}});
  if (channels == 3) return reader.decode(header, to);
  Image decoded;
  reader.decode(header, decoded);
  convert_channels(decoded, 1, to);
}

}  // namespace swin::data
