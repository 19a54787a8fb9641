#include <gmock/gmock.h>

#include <map>

#include "data/decode/decode.h"
#include "data/palette.h"
#include "tests/data/label_files.h"

namespace swin::data {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

// Of gray of few bits, Pillow's pixels are the stored values times 255 / (2^bits − 1).
TEST(LabelPng, GrayValuesAreAsStored) {
  for (const auto& [name, step] : {std::pair("gray_1bit.png", 255),
                                   {"gray_2bit.png", 85},
                                   {"interlaced_gray_2bit.png", 85},
                                   {"gray_4bit.png", 17},
                                   {"gray.png", 1},
                                   {"gray_transparent.png", 1},
                                   {"gray_alpha.png", 1}}) {
    const Bytes bytes = image_bytes(name);
    const LabelPixels labels = decode_label_png(bytes, name);
    const Image image = decode_image(bytes, name, 1);
    ASSERT_EQ(labels.height, image.height) << name;
    ASSERT_EQ(labels.width, image.width) << name;
    ASSERT_EQ(labels.values.size(), image.pixels.size()) << name;
    for (size_t p = 0; p < image.pixels.size(); ++p)
      ASSERT_EQ(labels.values[p] * step, image.pixels[p]) << name << " pixel " << p;
  }
  // Of 16 bits the decoder keeps the high byte.
  for (const char* name : {"gray_16bit.png", "gray_alpha_16bit.png"}) {
    const LabelPixels labels = decode_label_png(image_bytes(name), name);
    const Image image = decode_image(image_bytes(name), name, 1);
    for (size_t p = 0; p < image.pixels.size(); ++p)
      ASSERT_EQ(labels.values[p] >> 8, image.pixels[p]) << name << " pixel " << p;
  }
}

TEST(LabelPng, ValuesOfAPaletteAreItsIndices) {
  for (const char* name : {"palette_4bit_transparent.png", "interlaced_palette_4bit.png"}) {
    const LabelPixels labels = decode_label_png(image_bytes(name), name);
    const Image image = decode_image(image_bytes(name), name, 3);
    std::map<uint16_t, Color> color_of;
    for (size_t p = 0; p < labels.values.size(); ++p) {
      const Color color = {image.pixels[3 * p], image.pixels[3 * p + 1], image.pixels[3 * p + 2]};
      EXPECT_LT(labels.values[p], 16);
      EXPECT_EQ(color_of.emplace(labels.values[p], color).first->second, color);
    }
    EXPECT_GT(color_of.size(), 4u);
  }
}

TEST(LabelPng, ColorsStayColors) {
  const LabelPixels labels = decode_label_png(image_bytes("rgba.png"), "rgba.png");
  EXPECT_TRUE(labels.values.empty());
  EXPECT_EQ(labels.colors, decode_image(image_bytes("rgba.png"), "rgba.png", 3).pixels);
}

TEST(LabelPng, WrittenLabelsAreReadAgain) {
  const std::vector<uint16_t> labels = {0, 1, 2, LabelMap::kIgnored, 254, 0};
  const Bytes small = label_png(2, 3, labels);
  const LabelPixels read = decode_label_png(small, "small");
  EXPECT_EQ(read.height, 2);
  EXPECT_THAT(read.values, ElementsAre(0, 1, 2, 255, 254, 0));
  // Other programs see the palette.
  const Image image = decode_image(small, "small", 3);
  EXPECT_EQ(image.pixels[3], palette_color(1)[0]);
  EXPECT_EQ(image.pixels[9], 255);
  const std::vector<Color> none;
  EXPECT_EQ(decode_label_png(encode_label_png(2, 3, labels, LabelMap::kIgnored, none), "").values,
            labels);
}

TEST(LabelPng, PaletteIsThatOfPascalVoc) {
  EXPECT_EQ(palette_color(0), (Color{0, 0, 0}));
  EXPECT_EQ(palette_color(1), (Color{128, 0, 0}));
  EXPECT_EQ(palette_color(15), (Color{192, 128, 128}));
  EXPECT_EQ(palette_color(20), (Color{0, 64, 128}));
  EXPECT_EQ(palette_color(255), (Color{224, 224, 192}));
  EXPECT_EQ(palette_color(256), palette_color(1));
}

TEST(LabelPng, DamagedFilesAreErrors) {
  EXPECT_THAT(data_error([] { decode_label_png(image_bytes("gray.jpg"), "a.jpg"); }),
              HasSubstr("a.jpg: found another file, expected a PNG"));
  const Bytes whole = image_bytes("gray_2bit.png");
  constexpr size_t kEnd = 16;  // the last chunk, and the checksum before it, are not needed
  for (size_t size = 0; size + kEnd < whole.size(); size += 3)
    data_error([&] { decode_label_png(std::span(whole).first(size), "cut"); });
  EXPECT_THAT(data_error([&] { decode_label_png(whole, "large", 10); }),
              HasSubstr("expected at most 10"));
}

}  // namespace
}  // namespace swin::data
