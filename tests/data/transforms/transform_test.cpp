#include "data/transforms/transform.h"

#include <gmock/gmock.h>

#include <cmath>
#include <set>

#include "tests/data/test_files.h"

namespace swin::data {
namespace {

using testing::ElementsAre;

Image counting(int64_t height, int64_t width, int64_t channels) {
  Image image;
  image.reshape(height, width, channels);
  for (size_t i = 0; i < image.pixels.size(); ++i)
    image.pixels[i] = static_cast<uint8_t>(i * 7 + 1);
  return image;
}

TEST(Normalization, HasTheBitsOfToTensorAndNormalize) {
  const Normalization normalization(3, {0.485f, 0.456f, 0.406f}, {0.229f, 0.224f, 0.225f});
  for (int value = 0; value < 256; ++value) {
    const float unit = static_cast<float>(value) / 255.0f;
    EXPECT_EQ(normalization.table(1)[value], (unit - 0.456f) / 0.224f);
  }
  EXPECT_EQ(Normalization(3, {0.5f}, {0.5f}).table(2)[255], 1.0f);
  EXPECT_THROW(Normalization(3, {0.5f, 0.5f}, {0.5f}), base::UsageError);
  EXPECT_THROW(Normalization(1, {0.5f}, {0.0f}), base::UsageError);
  EXPECT_THROW(Normalization(1, {NAN}, {1.0f}), base::UsageError);
}

// The reference pads, crops, mirrors and normalizes pixel by pixel.
TEST(WriteNormalized, EqualsTheReferenceForEveryCorner) {
  for (const int64_t channels : {1, 3}) {
    const Normalization normalization(channels, {0.3f}, {0.7f});
    const Image image = counting(5, 6, channels);
    const int64_t height = 5, width = 6;
    for (int64_t top = -6; top <= 6; ++top) {
      for (int64_t left = -7; left <= 7; ++left) {
        for (const bool flip : {false, true}) {
          std::vector<float> out(static_cast<size_t>(height * width * channels), NAN);
          write_normalized(image, {top, left}, height, width, flip, normalization, out.data());
          for (int64_t y = 0; y < height; ++y) {
            for (int64_t x = 0; x < width; ++x) {
              const int64_t from_y = top + y, from_x = left + (flip ? width - 1 - x : x);
              const bool inside = from_y >= 0 && from_y < 5 && from_x >= 0 && from_x < 6;
              for (int64_t c = 0; c < channels; ++c) {
                const uint8_t value = inside ? image.row(from_y)[from_x * channels + c] : 0;
                ASSERT_EQ(out[static_cast<size_t>((y * width + x) * channels + c)],
                          normalization.table(c)[value])
                    << top << " " << left << " " << flip;
              }
            }
          }
        }
      }
    }
  }
}

TEST(RandomCrop, IsUniformAndNamedByEpochAndIndex) {
  std::set<std::pair<int64_t, int64_t>> seen;
  for (uint64_t index = 0; index < 2000; ++index) {
    const Corner corner = random_crop(2, 1, 0, index);
    ASSERT_LE(std::abs(corner.top), 2);
    ASSERT_LE(std::abs(corner.left), 2);
    seen.insert({corner.top, corner.left});
  }
  EXPECT_EQ(seen.size(), 25u);
  int64_t differs = 0, flips = 0;
  for (uint64_t index = 0; index < 1000; ++index) {
    const Corner a = random_crop(4, 1, 0, index), b = random_crop(4, 1, 1, index),
                 again = random_crop(4, 1, 0, index);
    differs += a.top != b.top || a.left != b.left;
    ASSERT_EQ(a.top, again.top);
    flips += random_flip(0.25, 1, 0, index);
  }
  EXPECT_GT(differs, 900);
  EXPECT_NEAR(static_cast<double>(flips), 250, 60);
  EXPECT_TRUE(random_flip(1, 1, 0, 0));
  EXPECT_FALSE(random_flip(0, 1, 0, 0));
}

TEST(Fit, SizesAreThoseOfTorchvision) {
  EXPECT_THAT(short_side_size(375, 500, 256), ElementsAre(256, 341));
  EXPECT_THAT(short_side_size(500, 375, 256), ElementsAre(341, 256));
  EXPECT_THAT(short_side_size(333, 500, 256), ElementsAre(256, 384));
  EXPECT_THAT(short_side_size(1, 1, 256), ElementsAre(256, 256));
  // Halves round to even, as Python's round does.
  EXPECT_EQ(center_crop(227, 225, 224, 224).top, 2);
  EXPECT_EQ(center_crop(227, 225, 224, 224).left, 0);
  EXPECT_EQ(center_crop(256, 341, 224, 224).left, 58);
  EXPECT_EQ(center_crop(256, 341, 224, 224).top, 16);
  EXPECT_EQ(center_crop(3, 4, 6, 6).top, -1);
  EXPECT_EQ(center_crop(3, 4, 6, 6).left, -1);
  EXPECT_EQ(default_resize(224, 224), 256);
  EXPECT_EQ(default_resize(192, 256), 219);
  EXPECT_EQ(default_resize(256, 256), 292);
  EXPECT_EQ(default_resize(32, 32), std::nullopt);
}

TEST(Fit, SkipsWhatIsNotNeeded) {
  Preprocess preprocess{.height = 12, .width = 10, .channels = 3, .mean = {0.5f}, .std = {0.5f}};
  Image scratch, to;
  const Image same = counting(12, 10, 3);
  EXPECT_EQ(&fit(same, preprocess, scratch, to), &same);
  const Image larger = counting(40, 30, 3);
  const Image& squashed = fit(larger, preprocess, scratch, to);
  EXPECT_EQ(&squashed, &to);
  EXPECT_EQ(squashed.height, 12);
  EXPECT_EQ(squashed.width, 10);

  preprocess.resize = 15;  // → 20 × 15, then the middle 12 × 10
  Image expected;
  expected.reshape(20, 15, 3);
  Bytes between;
  kernels::resize(larger.pixels.data(), 40, 30, 3, 20, 15, Interpolation::bicubic,
                  expected.pixels.data(), between);
  const Image& cropped = fit(larger, preprocess, scratch, to);
  ASSERT_EQ(cropped.height, 12);
  ASSERT_EQ(cropped.width, 10);
  for (int64_t y = 0; y < 12; ++y) {
    for (int64_t x = 0; x < 30; ++x) ASSERT_EQ(cropped.row(y)[x], expected.row(y + 4)[x + 2 * 3]);
  }
  // A short side below the crop is padded with zeros.
  preprocess.resize = 8;
  EXPECT_EQ(fit(larger, preprocess, scratch, to).row(5)[0], 0);
  EXPECT_NE(fit(larger, preprocess, scratch, to).row(5)[3], 0);
}

TEST(Fit, IsResizeThenCropForAnySize) {
  for (const int64_t short_side : {20, 24, 31, 40}) {
    const Preprocess preprocess{.height = 24, .width = 28, .channels = 3, .resize = short_side};
    for (const auto& [height, width] : std::vector<std::pair<int64_t, int64_t>>{
             {60, 50}, {50, 90}, {200, 60}, {31, 31}, {7, 90}, {24, 28}, {1, 3}, {40, 41}}) {
      const Image image = counting(height, width, 3);
      const auto [new_height, new_width] = short_side_size(height, width, short_side);
      Image whole, expected, scratch, to;
      whole.reshape(new_height, new_width, 3);
      Bytes between;
      kernels::resize(image.pixels.data(), height, width, 3, new_height, new_width,
                      preprocess.interpolation, whole.pixels.data(), between);
      crop(whole, center_crop(new_height, new_width, 24, 28), 24, 28, expected);
      const Image& fitted = fit(image, preprocess, scratch, to);
      ASSERT_EQ(fitted.height, 24);
      ASSERT_EQ(fitted.width, 28);
      EXPECT_EQ(fitted.pixels, expected.pixels) << height << " × " << width << ", " << short_side;
    }
  }
}

// Resized whole it would have 256 × 16,640,000 pixels, 12.8 GB.
TEST(Fit, AStripCostsOnlyItsCrop) {
  const Preprocess preprocess{.height = 224, .width = 224, .channels = 3, .resize = 256};
  for (const bool upright : {false, true}) {
    const Image strip = upright ? counting(65000, 1, 3) : counting(1, 65000, 3);
    // Far from the ends only the middle sixteen pixels matter.
    Image middle, expected, scratch, to, other_scratch;
    crop(strip, upright ? Corner{32492, 0} : Corner{0, 32492}, upright ? 16 : 1, upright ? 1 : 16,
         middle);
    fit(middle, preprocess, other_scratch, expected);
    EXPECT_EQ(fit(strip, preprocess, scratch, to).pixels, expected.pixels);
    EXPECT_LT(scratch.pixels.capacity() + to.pixels.capacity(), 1u << 20);
  }
}

TEST(Fit, PreprocessImageIsFitThenNormalize) {
  const Preprocess preprocess{.height = 2, .width = 3, .channels = 1, .mean = {0}, .std = {1}};
  const Image image = counting(2, 3, 1);
  EXPECT_THAT(preprocess_image(image, preprocess),
              ElementsAre(1 / 255.f, 8 / 255.f, 15 / 255.f, 22 / 255.f, 29 / 255.f, 36 / 255.f));
}

}  // namespace
}  // namespace swin::data
