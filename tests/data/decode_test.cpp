#include "data/decode.h"

#include <gmock/gmock.h>

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

TEST(Decode, IgnoresTheNameAndTrustsTheBytes) {
  const TemporaryFolder folder;
  const std::string path =
      folder.write("really_a_png.jpg", read_bytes(golden_path("images/rgb.png")));
  EXPECT_EQ(read_image(path, 3), read_image(golden_path("images/rgb.png"), 3));
}

TEST(Decode, EveryCutOfAFileIsAnErrorOrThePicture) {
  for (const char* name :
       {"rgb_420.jpg", "progressive.jpg", "cmyk.jpg", "rgb.png", "palette.png"}) {
    const Bytes whole = read_bytes(golden_path(std::string("images/") + name));
    for (size_t size = 0; size < whole.size() - 20; size += 7) {
      EXPECT_THAT(data_error([&] { decode_image(std::span(whole).first(size), "cut", 3); }),
                  HasSubstr("cut: "))
          << name << " cut to " << size;
    }
  }
}

TEST(Decode, ChangedBytesNeverCrash) {
  for (const char* name : {"rgb_420.jpg", "progressive.jpg", "gray_16bit.png", "palette.png"}) {
    const Bytes whole = read_bytes(golden_path(std::string("images/") + name));
    const Bytes random = noise(6000);
    for (size_t trial = 0; trial < 1000; ++trial) {
      Bytes changed = whole;
      for (size_t k = 0; k < 3; ++k) {
        const size_t place = random[6 * trial + 2 * k] * 256u + random[6 * trial + 2 * k + 1];
        changed[place % changed.size()] ^= static_cast<uint8_t>(1u + trial % 255u);
      }
      try {
        decode_image(changed, "changed", 3);
      } catch (const base::DataError&) {
      }
    }
  }
}

TEST(Decode, NamesWhatAFileReallyIs) {
  const auto text = [](const std::string& bytes) {
    return data_error([&] {
      decode_image({reinterpret_cast<const uint8_t*>(bytes.data()), bytes.size()}, "x.jpg", 3);
    });
  };
  EXPECT_EQ(text("GIF89a..."),
            "x.jpg: found a GIF, expected a JPEG or a PNG; convert or remove the file");
  EXPECT_THAT(text("RIFF1234WEBPVP8 "), HasSubstr("found a WebP"));
  EXPECT_THAT(text(""), HasSubstr("found an empty file"));
  EXPECT_THAT(text("hello"), HasSubstr("begins with 68 65 6c 6c"));
  EXPECT_THAT(data_error([] { read_image("/nowhere/at.jpg", 3); }), HasSubstr("/nowhere/at.jpg"));
}

TEST(Decode, RefusesHugePicturesBeforeTakingMemory) {
  Bytes png = read_bytes(golden_path("images/rgb.png"));
  // Width and height 20,000 in IHDR, with the checksum that belongs to them.
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
  png[18] = png[22] = 0x23;  // 8,992 × 8,992: allowed, but not from so few bytes
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
}

TEST(Png, WritesWhatItReads) {
  const TemporaryFolder folder;
  for (const int64_t channels : {1, 3}) {
    const Image image{13, 7, channels, noise(13 * 7 * channels)};
    write_png(folder / "a.png", image);
    EXPECT_EQ(read_image(folder / "a.png", channels), image);
    EXPECT_EQ(encode_png(image), encode_png(image));
  }
  EXPECT_THROW(write_png(folder / "missing/a.png", Image{1, 1, 1, {0}}), base::DiskError);
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
