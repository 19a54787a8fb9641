// What BMP and TIFF add to the tests of all decoders (decode_test.cpp): the kinds that are refused,
// damage, and sizes that are only claimed.
#include <gmock/gmock.h>

#include <algorithm>
#include <utility>

#include "data/decode/decode.h"
#include "tests/data/test_files.h"

namespace swin::data {
namespace {

using testing::AllOf;
using testing::HasSubstr;

void set(Bytes& bytes, size_t at, uint64_t value, size_t size) {
  for (size_t i = 0; i < size; ++i) bytes.at(at + i) = static_cast<uint8_t>(value >> (8 * i));
}

std::string refusal(const Bytes& bytes, const DecodeOptions& options = {}) {
  return data_error([&] { decode_image(bytes, "x", 3, options); });
}

// 8 bits, RLE8, with the palette 0, 1, 2 … as grays.
Bytes rle8(int width, int height, const Bytes& runs) {
  const size_t header = 14 + 40, palette = 4 * 16;
  Bytes bmp(header + palette);
  bmp[0] = 'B', bmp[1] = 'M';
  set(bmp, 10, header + palette, 4);
  set(bmp, 14, 40, 4);
  set(bmp, 18, static_cast<uint64_t>(width), 4);
  set(bmp, 22, static_cast<uint64_t>(height), 4);
  set(bmp, 26, 1, 2);
  set(bmp, 28, 8, 2);
  set(bmp, 30, 1, 4);  // RLE8
  set(bmp, 46, 16, 4);
  for (uint8_t i = 0; i < 16; ++i)
    std::fill_n(bmp.begin() + header + 4 * i, 3, static_cast<uint8_t>(16 * i));
  bmp.insert(bmp.end(), runs.begin(), runs.end());
  set(bmp, 2, bmp.size(), 4);
  return bmp;
}

// Where the value of a tag stands in a little-endian TIFF whose directory is at `first`.
size_t value_of(const Bytes& tiff, int tag) {
  const auto u16 = [&](size_t at) { return tiff.at(at) | tiff.at(at + 1) << 8; };
  size_t at = static_cast<size_t>(u16(4) | u16(6) << 16);
  for (int left = u16(at); left > 0; --left) {
    if (u16(at + 2) == tag) return at + 10;
    at += 12;
  }
  ADD_FAILURE() << "no tag " << tag;
  return 0;
}
Bytes with_tag(const std::string& name, int tag, uint64_t value, size_t size = 2) {
  Bytes tiff = image_bytes(name);
  set(tiff, value_of(tiff, tag), value, size);
  return tiff;
}

ImageKind kind_of_first_16(const std::string& name) {
  const Bytes bytes = image_bytes(name);
  return kind_of(std::span(bytes).first(16));
}

TEST(Decode, BmpRunsOfWholeRows) {
  // Two rows of four; the second run is all that is left. Rows go up.
  const Image image = decode_image(rle8(4, 2, {4, 5, 0, 0, 4, 9, 0, 1}), "x", 1);
  for (int64_t x = 0; x < 4; ++x) {
    EXPECT_EQ(image.row(0)[x], 16 * 9) << x;
    EXPECT_EQ(image.row(1)[x], 16 * 5) << x;
  }
  // A run that is longer than the rest of its row ends there.
  const Image cut = decode_image(rle8(3, 2, {9, 7, 0, 0, 2, 3, 1, 2, 0, 1}), "x", 1);
  EXPECT_EQ(std::vector<uint8_t>(cut.row(1), cut.row(1) + 3), (std::vector<uint8_t>(3, 16 * 7)));
  EXPECT_EQ(std::vector<uint8_t>(cut.row(0), cut.row(0) + 3), (std::vector<uint8_t>{48, 48, 32}));
}

TEST(Decode, FirstSixteenBytesTellBmpAndTiff) {
  const auto kind = [](const std::string& text) {
    return kind_of({reinterpret_cast<const uint8_t*>(text.data()), text.size()});
  };
  for (const char* name : {"rgb.bmp", "os2_8bit.bmp", "masks_0.bmp"})
    EXPECT_EQ(kind_of_first_16(name), ImageKind::bmp) << name;
  for (const char* name : {"rgb_raw.tif", "strips_big_endian.tif", "big.tif"})
    EXPECT_EQ(kind_of_first_16(name), ImageKind::tiff) << name;
  EXPECT_EQ(kind("BMW and other makes of cars"), ImageKind::other);
  EXPECT_EQ(kind("BM"), ImageKind::other);
  EXPECT_EQ(kind("MMXXVI is a year in Roman"), ImageKind::other);
  EXPECT_EQ(kind("II. The second chapter"), ImageKind::other);
}

TEST(Decode, SizeOfBmpAndTiffNeedsNoPixels) {
  for (const auto& row : read_table("exif_goldens.txt")) {
    const Image image = read_image(golden_path("images/" + row[0]), std::stoll(row[1]),
                                   {.exif_orientation = true, .header_only = true});
    EXPECT_EQ(image.height, std::stoll(row[2])) << row[0];
    EXPECT_EQ(image.width, std::stoll(row[3])) << row[0];
    EXPECT_TRUE(image.pixels.empty());
  }
  for (const char* name : {"rle8.bmp", "top_down.bmp", "os2_1bit.bmp"}) {
    const Image image =
        read_image(golden_path(std::string("images/") + name), 1, {.header_only = true});
    EXPECT_EQ(image.height, 9) << name;
    EXPECT_EQ(image.width, 13) << name;
  }
}

// The image of a TIFF is turned whether asked or not, and once.
TEST(Decode, TiffIsTurnedOnce) {
  for (const char* name : {"exif_2.tif", "exif_6.tif", "exif_7.tif"}) {
    const Bytes bytes = image_bytes(name);
    EXPECT_EQ(decode_image(bytes, "x", 3, {.exif_orientation = true}), decode_image(bytes, "x", 3));
  }
  const Image turned = read_image(golden_path("images/exif_6.tif"), 3);
  EXPECT_EQ(turned.height, 10);
  EXPECT_EQ(turned.width, 7);
}

TEST(Decode, RefusesOtherKindsOfBmpByName) {
  Bytes bmp = image_bytes("rgb.bmp");
  set(bmp, 28, 2, 2);
  EXPECT_EQ(refusal(bmp),
            "x: found a BMP with 2 bits per pixel, expected 1, 4, 8, 16, 24 or 32; convert or "
            "remove the file");
  set(bmp, 28, 24, 2);
  for (const uint32_t compression : {1, 2, 4, 5, 11}) {
    set(bmp, 30, compression, 4);
    EXPECT_THAT(refusal(bmp),
                HasSubstr("compression " + std::to_string(compression) + " at 24 bits per pixel"));
  }
  Bytes masks = image_bytes("masks_0.bmp");
  set(masks, 54, 0x3FF00000, 4);  // 10 bits each
  EXPECT_THAT(refusal(masks), HasSubstr("unusual color masks"));
  Bytes palette = image_bytes("top_down.bmp");
  set(palette, 46, 257, 4);
  EXPECT_THAT(refusal(palette), HasSubstr("a palette of 257 colors"));
  Bytes header = image_bytes("rgb.bmp");
  set(header, 14, 40 + (1 << 16), 4);
  EXPECT_THAT(refusal(header), HasSubstr("a header of 65576 bytes"));
}

TEST(Decode, BmpOfClaimedSizeIsRefusedBeforeMemoryIsTaken) {
  Bytes bmp = image_bytes("rgb.bmp");
  set(bmp, 18, 20'000, 4);
  set(bmp, 22, 20'000, 4);
  EXPECT_THAT(refusal(bmp), HasSubstr("20000 × 20000 pixels, expected at most 100 million"));
  set(bmp, 22, static_cast<uint32_t>(-20'000), 4);
  EXPECT_THAT(refusal(bmp), HasSubstr("20000 × 20000 pixels, expected at most 100 million"));
  set(bmp, 18, 0xFFFFFFFF, 4);
  EXPECT_THAT(refusal(bmp), HasSubstr("expected at most 100 million"));
  set(bmp, 18, 5000, 4);
  set(bmp, 22, 5000, 4);
  EXPECT_THAT(refusal(bmp), HasSubstr("damaged BMP (4938 bytes of at least 75000054)"));
  for (const size_t at : {18, 22}) {
    Bytes empty = image_bytes("rgb.bmp");
    set(empty, at, 0, 4);
    EXPECT_THAT(refusal(empty), HasSubstr("expected at least one pixel"));
  }
}

TEST(Decode, BmpRunsThatEndEarlyAreDamage) {
  Bytes bmp = image_bytes("rle8.bmp");
  bmp.resize(bmp.size() - 20);
  EXPECT_THAT(refusal(bmp),
              AllOf(HasSubstr("damaged BMP (its runs end after "), HasSubstr(" of 117 pixels)")));
}

TEST(Decode, EveryTruncationOfBmpAndTiffIsAnError) {
  for (const char* name :
       {"rgb.bmp", "palette.bmp", "palette_1bit.bmp", "os2_4bit.bmp", "rle8.bmp", "masks_40.bmp",
        "rgb_raw.tif", "rgb_lzw.tif", "rgb_deflate.tif", "rgb_jpeg.tif", "rgb_tiles.tif",
        "planes_tiles_deflate.tif", "big.tif", "palette.tif"}) {
    const Bytes whole = image_bytes(name);
    EXPECT_NO_THROW(decode_image(whole, "whole", 3)) << name;
    for (size_t size = 0; size + 20 < whole.size(); size += 7)
      EXPECT_THAT(data_error([&] { decode_image(std::span(whole).first(size), "cut", 3); }),
                  HasSubstr("cut: "))
          << name << " cut to " << size;
  }
}

TEST(Decode, ChangedBytesOfBmpAndTiffNeverCrash) {
  for (const char* name :
       {"palette_4bit.bmp", "rle4.bmp", "rgb_565.bmp", "masks_5.bmp", "rgb_raw.tif", "rgb_lzw.tif",
        "rgb_jpeg.tif", "palette.tif", "planes_tiles_deflate.tif", "big.tif", "rgba.tif"}) {
    const Bytes whole = image_bytes(name);
    const Bytes random = noise(6000);
    for (size_t trial = 0; trial < 1000; ++trial) {
      Bytes changed = whole;
      for (size_t k = 0; k < 3; ++k) {
        const size_t at = random[6 * trial + 2 * k] * 256u + random[6 * trial + 2 * k + 1];
        // Half of the changes hit the header.
        changed[at % (trial % 2 == 0 ? changed.size() : std::min<size_t>(changed.size(), 200))] ^=
            static_cast<uint8_t>(1u + trial % 255u);
      }
      try {
        decode_image(changed, "changed", 3, {.max_pixels = 1 << 20});
      } catch (const base::DataError&) {
      }
    }
  }
}

TEST(Decode, RefusesOtherKindsOfTiffByName) {
  const auto expect = [](const Bytes& tiff, const std::string& found) {
    EXPECT_EQ(refusal(tiff), "x: found a TIFF of " + found +
                                 ", expected 8-bit gray, palette or RGB samples; convert or remove "
                                 "the file");
  };
  expect(with_tag("gray.tiff", 258, 1), "1-bit samples");
  expect(with_tag("gray.tiff", 258, 16), "16-bit samples");
  expect(with_tag("rgbx.tif", 262, 5), "CMYK samples");
  expect(with_tag("rgb_raw.tif", 262, 8), "Lab samples");
  expect(with_tag("rgb_raw.tif", 262, 6), "YCbCr samples");
  expect(with_tag("gray.tiff", 262, 4), "photometric interpretation 4");
  for (const int compression : {2, 6, 9, 34712, 34925, 50000, 50001, 60000})
    EXPECT_EQ(refusal(with_tag("gray.tiff", 259, static_cast<uint64_t>(compression))),
              "x: found a TIFF of compression " + std::to_string(compression) +
                  ", expected none (1), LZW (5), JPEG (7), Deflate (8 or 32946) or PackBits "
                  "(32773); convert or remove the file");
  expect(with_tag("gray_alpha.tif", 262, 0), "inverted gray with alpha");
  // Each of these kinds as its tag; the samples of a gray image stay as they are.
  for (const auto& [kind, found] : {std::pair{2, "signed or complex samples"},
                                    {3, "8-bit floating-point samples"},
                                    {5, "signed or complex samples"}}) {
    Bytes tiff = image_bytes("gray_inverted.tif");
    const size_t value = value_of(tiff, 278);  // rows per strip becomes the format of the samples
    set(tiff, value - 8, 339, 2);
    set(tiff, value - 6, 3, 2);
    set(tiff, value, static_cast<uint64_t>(kind), 4);
    EXPECT_THAT(refusal(tiff), HasSubstr(found));
  }
}

TEST(Decode, TiffOfClaimedSizeIsRefusedBeforeMemoryIsTaken) {
  for (const char* name : {"rgb_raw.tif", "rgb_lzw.tif"}) {
    Bytes tiff = with_tag(name, 256, 20'000);
    set(tiff, value_of(tiff, 257), 20'000, 2);
    EXPECT_THAT(refusal(tiff), HasSubstr("20000 × 20000 pixels, expected at most 100 million"))
        << name;
  }
  Bytes claims = with_tag("rgb_tiles.tif", 256, 5000);
  set(claims, value_of(claims, 257), 5000, 2);
  EXPECT_THAT(refusal(claims), HasSubstr("damaged TIFF ("));
  Bytes tiles = with_tag("rgb_tiles_deflate.tif", 322, 65'520);
  set(tiles, value_of(tiles, 323), 65'520, 2);
  EXPECT_THAT(refusal(tiles), HasSubstr("a TIFF with tiles of 65520 × 65520 pixels"));
}

// libtiff takes such samples for gray.
TEST(Decode, TiffWithoutItsPaletteIsDamaged) {
  for (const char* name : {"palette.tif", "palette_alpha.tif"}) {
    Bytes tiff = image_bytes(name);
    set(tiff, value_of(tiff, 320) - 8, 65'000, 2);  // a private tag
    EXPECT_THAT(refusal(tiff), HasSubstr("damaged TIFF (")) << name;
    EXPECT_THAT(refusal(with_tag(name, 320, 0xFFFFFF00, 4)), HasSubstr("damaged TIFF (")) << name;
  }
}

TEST(Decode, LibtiffPrintsNothing) {
  testing::internal::CaptureStderr();
  testing::internal::CaptureStdout();
  const Bytes odd = with_tag("rgb_raw.tif", 277, 5);
  refusal(odd);
  const Bytes whole = image_bytes("rgb_jpeg.tif");
  for (size_t size = 10; size + 10 < whole.size(); size += 31)
    refusal(Bytes(whole.begin(), whole.begin() + static_cast<std::ptrdiff_t>(size)));
  decode_image(image_bytes("no_extra_samples.tif"), "x", 3);  // libtiff warns
  decode_image(image_bytes("exif_9.tif"), "x", 3);            // libtiff reports an error
  EXPECT_EQ(testing::internal::GetCapturedStdout(), "");
  EXPECT_EQ(testing::internal::GetCapturedStderr(), "");
}

// libjpeg, behind libtiff, only warns and goes on with gray.
TEST(Decode, DamagedJpegInATiffIsFound) {
  Bytes tiff = image_bytes("rgb_jpeg.tif");
  const uint8_t scan[] = {0xFF, 0xDA};
  const auto data = std::search(tiff.begin(), tiff.end(), scan, scan + 2) + 20;
  ASSERT_LT(data, tiff.end());
  *(data + 100) = 0xFF;
  *(data + 101) = 0xD9;  // the end of the image
  EXPECT_THAT(refusal(tiff), HasSubstr("damaged TIFF ("));
}

}  // namespace
}  // namespace swin::data
