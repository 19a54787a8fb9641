#include "data/decode/decode.h"

#include <gmock/gmock.h>

#include <algorithm>
#include <array>

#include "tests/data/test_files.h"

namespace swin::data {
namespace {

using testing::HasSubstr;

TEST(Decode, EqualsPillowOnEveryByte) {
  for (const auto& row : read_table("decode_goldens.txt")) {
    const Image image = read_image(golden_path("images/" + row[0]), std::stoll(row[1]));
    EXPECT_EQ(image.channels, std::stoll(row[1])) << row[0];
    EXPECT_EQ(image.height, std::stoll(row[2])) << row[0];
    EXPECT_EQ(image.width, std::stoll(row[3])) << row[0];
    EXPECT_EQ(sha256_of(image.pixels), row[4]) << row[0] << ", " << row[1] << " channels";
  }
}

TEST(Decode, AppliesTheExifOrientationOnRequest) {
  for (const auto& row : read_table("exif_goldens.txt")) {
    const Image image =
        read_image(golden_path("images/" + row[0]), std::stoll(row[1]), {.exif_orientation = true});
    EXPECT_EQ(image.height, std::stoll(row[2])) << row[0];
    EXPECT_EQ(image.width, std::stoll(row[3])) << row[0];
    EXPECT_EQ(sha256_of(image.pixels), row[4]) << row[0] << ", " << row[1] << " channels";
  }
  EXPECT_EQ(exif_orientation(read_bytes(golden_path("images/exif_6.png"))), 6);
  EXPECT_EQ(exif_orientation(read_bytes(golden_path("images/exif_9.jpg"))), 1);
  EXPECT_EQ(exif_orientation(read_bytes(golden_path("images/rgb.png"))), 1);
  EXPECT_EQ(exif_orientation({}), 1);
}

TEST(Decode, DamagedExifIsIgnored) {
  const DecodeOptions options{.exif_orientation = true};
  for (const char* name : {"exif_6.jpg", "exif_6.png", "exif_6.webp"}) {
    const Bytes whole = read_bytes(golden_path(std::string("images/") + name));
    for (size_t size = 0; size < whole.size(); ++size) {
      EXPECT_GE(exif_orientation(std::span(whole).first(size)), 1);
    }
    for (size_t at = 0; at < whole.size(); ++at) {
      for (const int flip : {1, 0x80, 0xFF}) {
        Bytes changed = whole;
        changed[at] ^= static_cast<uint8_t>(flip);
        const int64_t orientation = exif_orientation(changed);
        EXPECT_TRUE(orientation >= 1 && orientation <= 8);
      }
    }
  }
  Bytes cut = read_bytes(golden_path("images/exif_6.jpg"));
  const auto exif = std::search(cut.begin(), cut.end(), std::begin("Exif"), std::end("Exif") - 1);
  ASSERT_NE(exif, cut.end());
  exif[6] = 'x';  // neither II nor MM
  EXPECT_EQ(decode_image(cut, "x", 3, options), decode_image(cut, "x", 3));
}

TEST(Decode, ScaledJpegsEqualPillowsDraft) {
  for (const auto& row : read_table("scaled_goldens.txt")) {
    const int64_t height = std::stoll(row[3]), width = std::stoll(row[4]);
    const std::string path = golden_path("images/" + row[0]);
    for (const DecodeOptions& options : {DecodeOptions{.min_short_side = std::min(height, width)},
                                         DecodeOptions{.min_pixels = height * width}}) {
      const Image image = read_image(path, std::stoll(row[1]), options);
      EXPECT_EQ(image.height, height) << row[0];
      EXPECT_EQ(image.width, width) << row[0];
      EXPECT_EQ(sha256_of(image.pixels), row[5]) << row[0] << " divided by " << row[2];
    }
  }
}

TEST(Decode, ScalesByTheLargestFactorThatKeepsTheMinimum) {
  const std::string path = golden_path("images/rgb_420.jpg");  // 37 × 43
  const auto size = [&](const DecodeOptions& options) {
    const Image image = read_image(path, 3, options);
    return std::array<int64_t, 2>{image.height, image.width};
  };
  using Size = std::array<int64_t, 2>;
  EXPECT_EQ(size({}), (Size{37, 43}));
  EXPECT_EQ(size({.min_short_side = 20}), (Size{37, 43}));
  EXPECT_EQ(size({.min_short_side = 19}), (Size{19, 22}));
  EXPECT_EQ(size({.min_short_side = 11}), (Size{19, 22}));
  EXPECT_EQ(size({.min_short_side = 10}), (Size{10, 11}));
  EXPECT_EQ(size({.min_short_side = 6}), (Size{10, 11}));
  EXPECT_EQ(size({.min_short_side = 1}), (Size{5, 6}));
  EXPECT_EQ(size({.min_pixels = 31}), (Size{10, 11}));
  EXPECT_EQ(size({.min_pixels = 30}), (Size{5, 6}));
  EXPECT_EQ(size({.min_short_side = 19, .min_pixels = 30}), (Size{19, 22}));
  EXPECT_EQ(size({.min_short_side = 1000}), (Size{37, 43}));
  // Other formats have no scaled decoding.
  EXPECT_EQ(read_image(golden_path("images/rgb.png"), 3, {.min_short_side = 1}).height, 37);
}

TEST(Decode, IgnoresTheExtension) {
  const TemporaryDirectory folder;
  const std::string path =
      folder.write("really_a_png.jpg", read_bytes(golden_path("images/rgb.png")));
  EXPECT_EQ(read_image(path, 3), read_image(golden_path("images/rgb.png"), 3));
}

TEST(Decode, EveryTruncationIsAnError) {
  for (const char* name :
       {"rgb_420.jpg", "progressive.jpg", "cmyk.jpg", "rgb.png", "palette.png", "lossy.webp",
        "lossless.webp", "alpha_lossy.webp", "animated_part.webp"}) {
    const Bytes whole = read_bytes(golden_path(std::string("images/") + name));
    for (size_t size = 0; size < whole.size() - 20; size += 7) {
      EXPECT_THAT(data_error([&] { decode_image(std::span(whole).first(size), "cut", 3); }),
                  HasSubstr("cut: "))
          << name << " cut to " << size;
    }
  }
}

// libjpeg reports only the first warning. The harmless oddity of a file must not hide damage.
TEST(Decode, DamageInAnOddJpegIsFound) {
  for (const char* name : {"rgb_444.jpg", "odd_jfif.jpg", "odd_gap.jpg", "odd_scan.jpg",
                           "odd_end.jpg", "odd_sampling.jpg", "odd_adobe.jpg"}) {
    const Bytes whole = read_bytes(golden_path(std::string("images/") + name));
    EXPECT_NO_THROW(decode_image(whole, "whole", 3)) << name;
    const auto refuses = [&](const Bytes& bytes, const char* why) {
      EXPECT_THAT(data_error([&] { decode_image(bytes, "x", 3); }),
                  testing::AllOf(HasSubstr("x: damaged JPEG ("), HasSubstr(why)))
          << name;
    };
    const uint8_t scan[] = {0xFF, 0xDA};
    const auto data = std::search(whole.begin(), whole.end(), scan, scan + 2) + 20;
    ASSERT_LT(data, whole.end());
    const auto middle = data + (whole.end() - data) / 4;
    refuses(Bytes(whole.begin(), middle), "");
    Bytes cut(whole.begin(), middle);
    cut.insert(cut.end(), {0xFF, 0xD9});
    refuses(cut, "premature end of data segment");
    Bytes bad = whole;  // no Huffman code consists of ones only
    for (const auto& [offset, value] : {std::pair{0, 0xFF}, {1, 0}, {2, 0xFF}, {3, 0}, {4, 0xFF}})
      bad[static_cast<size_t>(middle - whole.begin() + offset)] = static_cast<uint8_t>(value);
    bad[static_cast<size_t>(middle - whole.begin() + 5)] = 0;
    refuses(bad, "Corrupt JPEG data");
    // A segment in the scan that is longer than the file: the error names the damage.
    Bytes torn(whole.begin(), middle);
    torn.insert(torn.end(), {0xFF, 0xE5, 0x7F, 0xFF});
    torn.insert(torn.end(), middle, whole.end());
    refuses(torn, "premature end of data segment");
  }
}

TEST(Decode, ChangedBytesNeverCrash) {
  for (const char* name :
       {"rgb_420.jpg", "progressive.jpg", "gray_16bit.png", "palette.png", "interlaced_rgb.png",
        "lossy.webp", "lossless.webp", "alpha_lossy.webp", "animated_part.webp"}) {
    const Bytes whole = read_bytes(golden_path(std::string("images/") + name));
    const Bytes random = noise(6000);
    for (size_t trial = 0; trial < 1000; ++trial) {
      Bytes changed = whole;
      for (size_t k = 0; k < 3; ++k) {
        const size_t at = random[6 * trial + 2 * k] * 256u + random[6 * trial + 2 * k + 1];
        changed[at % changed.size()] ^= static_cast<uint8_t>(1u + trial % 255u);
      }
      try {
        decode_image(changed, "changed", 3, {.max_pixels = 1 << 20});
      } catch (const base::DataError&) {
      }
    }
  }
}

TEST(Decode, ErrorsNameTheKindOfTheFile) {
  const auto text = [](const std::string& bytes) {
    return data_error([&] {
      decode_image({reinterpret_cast<const uint8_t*>(bytes.data()), bytes.size()}, "x.jpg", 3);
    });
  };
  EXPECT_EQ(
      text("GIF89a..."),
      "x.jpg: found a GIF, expected a JPEG, PNG, WebP, BMP or TIFF; convert or remove the file");
  EXPECT_THAT(text("RIFF1234WEBPVP8 "), HasSubstr("x.jpg: damaged WebP (header)"));
  EXPECT_THAT(text("RIFF1234WAVE"), HasSubstr("starts with 52 49 46 46"));
  EXPECT_THAT(text(""), HasSubstr("found an empty file"));
  EXPECT_THAT(text("hello"), HasSubstr("starts with 68 65 6c 6c"));
  EXPECT_THAT(data_error([] { read_image("/nowhere/at.jpg", 3); }), HasSubstr("/nowhere/at.jpg"));
}

TEST(Decode, RefusesHugeImagesBeforeAllocating) {
  Bytes png = read_bytes(golden_path("images/rgb.png"));
  // Width and height 20,000 in IHDR, with a valid checksum.
  const uint8_t header[] = {0, 0, 0x4E, 0x20, 0, 0, 0x4E, 0x20};
  std::copy(std::begin(header), std::end(header), png.begin() + 16);
  const auto crc = [&] {
    uint32_t value = 0xFFFFFFFFu;
    for (size_t i = 12; i < 29; ++i) {
      value ^= png[i];
      for (int bit = 0; bit < 8; ++bit) value = (value >> 1) ^ ((value & 1) ? 0xEDB88320u : 0u);
    }
    return ~value;
  };
  const auto seal = [&] {
    const uint32_t sum = crc();
    for (int i = 0; i < 4; ++i)
      png[29 + static_cast<size_t>(i)] = static_cast<uint8_t>(sum >> (24 - 8 * i));
  };
  seal();
  EXPECT_THAT(data_error([&] { decode_image(png, "bomb.png", 3); }),
              HasSubstr("20000 × 20000 pixels, expected at most 100 million"));
  png[18] = png[22] = 0x23;  // 8,992 × 8,992 is allowed, but needs more bytes
  seal();
  EXPECT_THAT(data_error([&] { decode_image(png, "short.png", 3); }),
              HasSubstr("that claims 8992 × 8992"));

  Bytes jpeg = read_bytes(golden_path("images/rgb_444.jpg"));
  for (size_t i = 0; i + 9 < jpeg.size(); ++i) {
    if (jpeg[i] == 0xFF && jpeg[i + 1] == 0xC0) {
      jpeg[i + 5] = jpeg[i + 7] = 0x4E;  // 20,005 × 20,011
      break;
    }
  }
  EXPECT_THAT(data_error([&] { decode_image(jpeg, "bomb.jpg", 3); }),
              HasSubstr("at most 100 million"));

  for (const char* name : {"lossless.webp", "animated_part.webp"}) {
    Bytes webp = read_bytes(golden_path(std::string("images/") + name));
    if (webp[15] == 'X') {  // 60,000 × 60,000 is width − 1 and height − 1 in three bytes each
      webp[24] = webp[27] = 0x5F, webp[25] = webp[28] = 0xEA;
    } else {  // VP8L: 14 bits each, all set: 16,384 × 16,384
      webp[21] = webp[22] = webp[23] = 0xFF, webp[24] |= 0x0F;
    }
    EXPECT_THAT(data_error([&] { decode_image(webp, "bomb.webp", 3); }),
                HasSubstr("pixels, expected at most 100 million"))
        << name;
  }
  EXPECT_THAT(data_error([&] {
                read_image(golden_path("images/rgb.png"), 3, {.max_pixels = 37 * 43 - 1});
              }),
              HasSubstr("43 × 37 pixels, expected at most 1590"));
  EXPECT_EQ(read_image(golden_path("images/rgb.png"), 3, {.max_pixels = 37 * 43}).width, 43);
}

TEST(Decode, RefusesHugeFilesUnread) {
  const TemporaryDirectory folder;
  const std::string path = folder.write("huge.jpg", read_bytes(golden_path("images/gray.jpg")));
  std::filesystem::resize_file(path, static_cast<uintmax_t>(kMaxImageBytes) + 1);  // sparse
  EXPECT_THAT(data_error([&] { read_image(path, 3); }),
              HasSubstr("found 268435457 bytes, expected an image file of at most 268435456"));
}

TEST(Png, WritesWhatItReads) {
  const TemporaryDirectory folder;
  for (const int64_t channels : {1, 3}) {
    const Image image{13, 7, channels, noise(13 * 7 * channels)};
    write_png(folder / "a.png", image);
    EXPECT_EQ(read_image(folder / "a.png", channels), image);
    EXPECT_EQ(encode_png(image), encode_png(image));
  }
  EXPECT_THROW(write_png(folder / "missing/a.png", Image{1, 1, 1, {0}}), base::DiskError);
}

TEST(Jpeg, WritesWhatItReads) {
  for (const int64_t channels : {1, 3}) {
    Image image{19, 33, channels, {}};
    for (int64_t i = 0; i < image.height * image.width * channels; ++i)
      image.pixels.push_back(static_cast<uint8_t>(i * 255 / (19 * 33 * channels)));
    const Bytes file = encode_jpeg(image);
    EXPECT_EQ(kind_of(file), ImageKind::jpeg);
    EXPECT_EQ(file, encode_jpeg(image));
    const Image read = decode_image(file, "a.jpg", channels);
    ASSERT_EQ(read.pixels.size(), image.pixels.size());
    for (size_t i = 0; i < read.pixels.size(); ++i)
      ASSERT_NEAR(read.pixels[i], image.pixels[i], 12) << i;
  }
}

TEST(Image, OrientsAsExifDefines) {
  const Image from{2, 3, 1, {1, 2, 3, 4, 5, 6}};
  const std::vector<std::pair<int64_t, Bytes>> seen = {
      {1, {1, 2, 3, 4, 5, 6}}, {2, {3, 2, 1, 6, 5, 4}}, {3, {6, 5, 4, 3, 2, 1}},
      {4, {4, 5, 6, 1, 2, 3}}, {5, {1, 4, 2, 5, 3, 6}}, {6, {4, 1, 5, 2, 6, 3}},
      {7, {6, 3, 5, 2, 4, 1}}, {8, {3, 6, 2, 5, 1, 4}}};
  Image to;
  for (const auto& [orientation, pixels] : seen) {
    orient(from, orientation, to);
    EXPECT_EQ(to, (orientation < 5 ? Image{2, 3, 1, pixels} : Image{3, 2, 1, pixels}))
        << orientation;
  }
  EXPECT_THROW(orient(from, 0, to), base::InternalError);
  EXPECT_THROW(orient(from, 9, to), base::InternalError);
}

TEST(Image, ConvertsChannels) {
  const Image color{1, 3, 3, {255, 0, 0, 0, 255, 0, 1, 2, 3}};
  Image gray, again;
  convert_channels(color, 1, gray);
  EXPECT_EQ(gray, (Image{1, 3, 1, {76, 150, 2}}));
  convert_channels(gray, 3, again);
  EXPECT_EQ(again, (Image{1, 3, 3, {76, 76, 76, 150, 150, 150, 2, 2, 2}}));
}

}  // namespace
}  // namespace swin::data
