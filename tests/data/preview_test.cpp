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

}  // namespace
}  // namespace swin::data
