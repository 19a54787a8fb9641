#include "trainers/report/picture_grid.h"

#include <gtest/gtest.h>

namespace swin::trainers {
namespace {

EvaluationReport::Picture picture(int64_t height, int64_t width, int64_t channels,
                                  const std::string& caption) {
  EvaluationReport::Picture made{.file = "", .caption = caption, .image = {}};
  made.image.reshape(height, width, channels);
  std::fill(made.image.pixels.begin(), made.image.pixels.end(), uint8_t{200});
  return made;
}

/// How many pixels of a box have this value in all channels.
int64_t count(const data::Image& image, int64_t top, int64_t left, int64_t height, int64_t width,
              uint8_t value) {
  int64_t found = 0;
  for (int64_t y = top; y < top + height; ++y)
    for (int64_t x = left; x < left + width; ++x) {
      const uint8_t* pixel = image.row(y) + 3 * x;
      found += pixel[0] == value && pixel[1] == value && pixel[2] == value;
    }
  return found;
}

// Cells of 32 pixels and three lines of 10, with gaps of 4: small pictures are enlarged by a whole
// factor, large ones shrunk, captions cut after three lines. Cells are as high as the highest
// picture.
TEST(PictureGrid, FitsPicturesAndCaptionsIntoCells) {
  const std::vector<EvaluationReport::Picture> pictures = {
      picture(10, 12, 1, "ab cd ef gh ij kl"), picture(32, 64, 3, ""), picture(64, 1, 3, "x"),
      picture(9, 9, 3, "")};
  const data::Image grid = picture_grid(pictures, 3, 32);
  ASSERT_EQ(grid.channels, 3);
  ASSERT_EQ(grid.width, 4 + 2 * 36);
  ASSERT_EQ(grid.height, 4 + 2 * 70);
  EXPECT_EQ(count(grid, 4, 4, 32, 32, 200), 20 * 24);
  EXPECT_EQ(count(grid, 20, 40, 16, 32, 200), 16 * 32);  // right above its caption
  EXPECT_EQ(count(grid, 74, 4, 32, 32, 200), 32 * 1);
  EXPECT_EQ(count(grid, 74, 40, 70, 36, 40), 70 * 36);  // the fourth is one too many
  for (int64_t k = 0; k < 3; ++k) EXPECT_GT(count(grid, 40 + 10 * k, 4, 7, 32, 255), 0) << k;
  EXPECT_EQ(count(grid, 70, 4, 4, 32, 40), 4 * 32);
  EXPECT_EQ(count(grid, 40, 40, 30, 32, 255), 0);  // no caption
  EXPECT_EQ(picture_grid(std::span(pictures).first(1), 3, 32).height, 4 + 20 + 30 + 8);
  EXPECT_TRUE(picture_grid({}, 3, 32).pixels.empty());
}

}  // namespace
}  // namespace swin::trainers
