#include "data/preview.h"

#include <gtest/gtest.h>

namespace swin::data {
namespace {

TEST(DrawText, DrawsLettersOfFiveBySeven) {
  Image image;
  image.reshape(7, 12, 1);
  draw_text("tL", 0, 0, 12, 1, image);
  std::string drawn;
  for (int64_t y = 0; y < 7; ++y) {
    for (int64_t x = 0; x < 12; ++x) drawn += image.row(y)[x] ? '#' : '.';
    drawn += '\n';
  }
  EXPECT_EQ(drawn,
            "#####.#.....\n"
            "..#...#.....\n"
            "..#...#.....\n"
            "..#...#.....\n"
            "..#...#.....\n"
            "..#...#.....\n"
            "..#...#####.\n");
  // Cut at the right and at the bottom.
  Image small;
  small.reshape(3, 8, 3);
  draw_text(
      "\xC3\xA4"
      "bc",
      1, 0, 100, 1, small);
  EXPECT_EQ(small.row(1)[0], 255);
  EXPECT_EQ(small.row(1)[7 * 3], 0);
}

TEST(Preview, UndoesTheNormalization) {
  const Preprocess preprocess{.height = 2,
                              .width = 2,
                              .channels = 3,
                              .mean = {0.4f, 0.5f, 0.6f},
                              .std = {0.2f, 0.3f, 0.4f}};
  const Normalization normalization(3, preprocess.mean, preprocess.std);
  Image image;
  image.reshape(2, 2, 3);
  for (size_t i = 0; i < 12; ++i) image.pixels[i] = static_cast<uint8_t>(i * 23);
  Batch batch;
  batch.size = 3;
  batch.images.resize(36);
  for (int64_t i = 0; i < 3; ++i)
    write_normalized(image, {}, 2, 2, i == 1, normalization, batch.images.data() + i * 12);
  const Image grid = draw_preview(batch, preprocess, {"a", "b", "c\nd"});
  ASSERT_EQ(grid.channels, 3);
  // Cells of 2 · 64 pixels with gaps of 4; the second is mirrored.
  for (int64_t c = 0; c < 3; ++c) {
    EXPECT_EQ(grid.row(4)[4 * 3 + c], image.pixels[static_cast<size_t>(c)]);
    EXPECT_EQ(grid.row(4)[(4 + 128 + 4) * 3 + c], image.pixels[static_cast<size_t>(3 + c)]);
    EXPECT_EQ(grid.row(4 + 127)[(4 + 127) * 3 + c], image.pixels[static_cast<size_t>(9 + c)]);
  }
}

// A gray image of 4 × 4, black again under nothing.
Image gray_image() {
  Image image{4, 4, 3, std::vector<uint8_t>(48, 100)};
  return image;
}

std::vector<int> reds(const Image& image) {
  std::vector<int> values;
  for (size_t p = 0; p < 16; ++p) values.push_back(image.pixels[3 * p]);
  return values;
}

TEST(DrawAnnotation, BlendsTheClassesOfPixels) {
  Image image = gray_image();
  LabelMap map{4, 4, std::vector<uint16_t>(16, LabelMap::kIgnored)};
  map.classes[5] = 1;
  map.classes[6] = 0;
  draw_annotation(map, {{0, 0, 0}, {200, 0, 0}}, image);
  std::vector<int> expected(16, 100);
  expected[5] = 150;
  expected[6] = 50;
  EXPECT_EQ(reds(image), expected);
  EXPECT_EQ(classes_by_share(map), (std::vector<int64_t>{0, 1}));
}

TEST(DrawAnnotation, DrawsMasksAndBoxes) {
  const std::vector<Polygon> square = {{{1, 1}, {3, 1}, {3, 3}, {1, 3}}};
  Image image = gray_image();
  draw_annotation(Objects{4, 4, {{{0, 0, 4, 4}, 0, square, false, 4}}}, {{200, 0, 0}}, image);
  EXPECT_EQ(reds(image), (std::vector<int>{227, 227, 227, 227,  //
                                           227, 150, 150, 227,  //
                                           227, 150, 150, 227,  //
                                           227, 227, 227, 227}));
  // Of a crowd, the box alone; of a box, the pixels that it covers.
  image = gray_image();
  draw_annotation(Objects{4, 4, {{{1, 0, 2, 2.5}, 0, RunLengths{4, 4, {0, 16}}, true, 16}}},
                  {{200, 0, 0}}, image);
  EXPECT_EQ(reds(image), (std::vector<int>{100, 227, 100, 100,  //
                                           100, 227, 100, 100,  //
                                           100, 227, 100, 100,  //
                                           100, 100, 100, 100}));
}

TEST(Preview, ListsTheClassesBelow) {
  const Preprocess preprocess{
      .height = 4, .width = 128, .channels = 1, .mean = {0.5f}, .std = {0.5f}};
  Batch batch;
  batch.size = 1;
  batch.padded_size = {4, 128};
  batch.images.assign(512, 0.0f);
  batch.annotations = {LabelMap{4, 128, std::vector<uint16_t>(512, 1)}};
  const Legend legend{{"a", "b"}, {{0, 0, 0}, {0, 0, 255}}};
  const Image grid = draw_preview(batch, preprocess, {""}, legend);
  const uint8_t* pixel = grid.row(4) + 4 * 3;
  EXPECT_EQ(pixel[0], 64);  // half of 128
  EXPECT_EQ(pixel[2], 191);
  const uint8_t* swatch = grid.row(4 + 4 + 4) + 4 * 3;
  EXPECT_EQ(swatch[0], 0);
  EXPECT_EQ(swatch[2], 255);
}

}  // namespace
}  // namespace swin::data
