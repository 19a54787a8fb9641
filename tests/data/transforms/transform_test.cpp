#include "data/transforms/transform.h"

#include <gmock/gmock.h>

#include <cmath>

#include "tests/data/test_files.h"

namespace swin::data {
namespace {

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

}  // namespace
}  // namespace swin::data
