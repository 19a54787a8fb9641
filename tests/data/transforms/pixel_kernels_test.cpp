// The pixel kernels give the same bytes with every instruction set: random images of odd sizes, 1
// and 3 channels, all interpolations. (Pillow's bytes: resize_test.cpp, image_operations_test.cpp.)
#include <algorithm>
#include <cmath>

#include "base/random.h"
#include "data/transforms/kernels/pixels.h"
#include "data/transforms/kernels/resize.h"
#include "tests/data/test_files.h"
#include "tests/support/isas.h"

namespace swin::data::kernels {
namespace {

Bytes random_bytes(int64_t count, uint64_t seed) {
  Bytes bytes(static_cast<size_t>(count));
  const base::Random random(seed, "pixels");
  for (size_t i = 0; i < bytes.size(); ++i)
    bytes[i] = static_cast<uint8_t>(random.below(static_cast<uint64_t>(i), 256));
  return bytes;
}

// Expects the same result of call() for each set, and returns it.
template <class Call>
auto same_with_every_isa(Call&& call) {
  decltype(call()) first;
  test::for_each_isa([&](base::Isa isa) {
    const auto result = call();
    if (isa == base::Isa::baseline) first = result;
    EXPECT_TRUE(result == first);
  });
  return first;
}

struct Size {
  int64_t height, width;
};
// Around the lengths of all vectors, in bytes and in pixels.
constexpr Size kSizes[] = {{1, 1}, {2, 3},   {3, 3},   {5, 16},  {7, 11},
                           {9, 5}, {31, 37}, {17, 63}, {33, 65}, {6, 129}};

TEST(PixelKernels, LookUpAndHistogram) {
  std::array<ByteTable, 3> tables;
  for (uint64_t c = 0; c < 3; ++c) {
    const Bytes random = random_bytes(256, 90 + c);
    std::copy(random.begin(), random.end(), tables[c].begin());
  }
  for (const int64_t channels : {1, 3})
    for (const Size s : kSizes) {
      const int64_t count = s.height * s.width;
      const Bytes from = random_bytes(count * channels, 1);
      const Bytes found = same_with_every_isa([&] {
        Bytes pixels = from;
        look_up(pixels.data(), count * channels, channels, tables.data());
        return pixels;
      });
      for (size_t i = 0; i < from.size(); ++i)
        ASSERT_EQ(found[i], tables[i % static_cast<size_t>(channels)][from[i]]);
      for (int64_t channel = 0; channel < channels; ++channel) {
        std::array<int64_t, 256> want = {};
        for (int64_t i = 0; i < count; ++i)
          ++want[from[static_cast<size_t>(i * channels + channel)]];
        EXPECT_EQ(
            same_with_every_isa([&] { return histogram(from.data(), count, channels, channel); }),
            want);
      }
    }
}

TEST(PixelKernels, Blend) {
  for (const float factor : {-1.3f, -0.1f, 0.f, 0.3f, 0.5f, 0.77f, 1.f, 1.9f, 7.3f})
    for (const int64_t count : {1, 7, 16, 33, 63, 64, 65, 4099}) {
      SCOPED_TRACE(testing::Message() << factor << " " << count);
      const Bytes from = random_bytes(count, 1), to = random_bytes(count, 2);
      const Bytes found = same_with_every_isa([&] {
        Bytes result = to;
        blend(from.data(), factor, result.data(), count);
        return result;
      });
      if (factor == 0 || factor == 1) {
        EXPECT_EQ(found, factor == 0 ? from : to);
      }
    }
}

TEST(PixelKernels, Smooth) {
  for (const int64_t channels : {1, 3})
    for (const Size s : kSizes) {
      SCOPED_TRACE(testing::Message() << s.height << " " << s.width << " " << channels);
      const Bytes from = random_bytes(s.height * s.width * channels, 3);
      const Bytes found = same_with_every_isa([&] {
        Bytes to(from.size());
        smooth(from.data(), s.height, s.width, channels, to.data());
        return to;
      });
      EXPECT_EQ(found == from, s.height < 3 || s.width < 3);
    }
}

TEST(PixelKernels, Affine) {
  const uint8_t fill[] = {124, 116, 104};
  const double angle = 0.37;
  const std::array<double, 6> matrices[] = {
      {1, 0, 0, 0, 1, 0},
      {1, 0, 2.3, 0, 1, -1.7},
      {1, 0.31, 0, 0, 1, 0},
      {1, 0, 0, -0.27, 1, 3.1},
      {0.61, 0.02, 0.9, -0.03, 0.57, 1.1},
      {std::cos(angle), std::sin(angle), -3.3, -std::sin(angle), std::cos(angle), 5.7}};
  for (const Sampling sampling : {Sampling::nearest, Sampling::bilinear, Sampling::bicubic})
    for (const int64_t channels : {1, 3})
      for (const Size s : kSizes)
        for (const auto& matrix : matrices) {
          SCOPED_TRACE(testing::Message() << static_cast<int>(sampling) << " " << channels << " "
                                          << s.height << " " << s.width << " " << matrix[1]);
          const Bytes from = random_bytes(s.height * s.width * channels, 4);
          const Bytes found = same_with_every_isa([&] {
            Bytes to(from.size());
            affine(from.data(), s.height, s.width, channels, matrix, sampling, fill, to.data());
            return to;
          });
          if (&matrix == matrices) {
            EXPECT_EQ(found, from);
          }
        }
}

TEST(PixelKernels, ShiftHue) {
  for (const int64_t count : {1, 2, 5, 16, 21, 33, 20011})
    for (const uint8_t shift : {uint8_t{0}, uint8_t{1}, uint8_t{77}, uint8_t{128}, uint8_t{255}}) {
      SCOPED_TRACE(testing::Message() << count << " " << int{shift});
      Bytes from = random_bytes(3 * count, 5);
      for (size_t i = 0; i + 2 < from.size(); i += 15) from[i + 1] = from[i + 2] = from[i];  // gray
      same_with_every_isa([&] {
        Bytes pixels = from;
        shift_hue(pixels.data(), count, shift);
        return pixels;
      });
    }
}

TEST(PixelKernels, ChangeHsv) {
  for (const int64_t count : {1, 2, 5, 16, 21, 33, 20011})
    for (const auto& [factor, steps] :
         {std::pair(1.f, 0), {0.5f, 0}, {1.37f, 0}, {1.f, -180}, {1.f, 17}, {1.f, -18}}) {
      SCOPED_TRACE(testing::Message() << count << " " << factor << " " << steps);
      Bytes from = random_bytes(3 * count, 5);
      for (size_t i = 0; i + 2 < from.size(); i += 15) from[i + 1] = from[i + 2] = from[i];  // gray
      const Bytes found = same_with_every_isa([&, factor = factor, steps = steps] {
        Bytes pixels = from;
        change_hsv(pixels.data(), count, factor, steps);
        return pixels;
      });
      for (size_t i = 0; i + 2 < from.size(); i += 15) ASSERT_EQ(found[i], from[i]);
      if (factor != 1 || steps % 180 != 0) continue;
      for (size_t i = 0; i < from.size(); ++i)  // what the rounding to 180 hues costs
        ASSERT_NEAR(int{found[i]}, int{from[i]}, 5);
    }
}

TEST(PixelKernels, ResizeWindow) {
  struct Case {
    Size from, to;
  };
  for (const Case& c : {Case{{1, 1}, {5, 7}},
                        {{31, 37}, {31, 37}},
                        {{31, 37}, {31, 16}},
                        {{31, 37}, {64, 37}},
                        {{31, 37}, {13, 17}},
                        {{31, 37}, {65, 129}},
                        {{97, 23}, {11, 21}},  // columns first
                        {{129, 131}, {33, 32}},
                        {{200, 3}, {7, 40}}})
    for (const auto kind :
         {Interpolation::bilinear, Interpolation::bicubic, Interpolation::lanczos})
      for (const int64_t channels : {1, 3})
        for (const int64_t padding : {0, 5}) {
          SCOPED_TRACE(testing::Message()
                       << c.from.height << "x" << c.from.width << " to " << c.to.height << "x"
                       << c.to.width << " " << static_cast<int>(kind) << " " << channels);
          const int64_t row_bytes = c.from.width * channels + padding;
          const Bytes from = random_bytes(c.from.height * row_bytes, 6);
          for (const Window& window : {Window{0, 0, c.to.height, c.to.width},
                                       Window{c.to.height / 3, c.to.width / 4,
                                              (c.to.height + 1) / 2, (c.to.width + 2) / 3}})
            same_with_every_isa([&] {
              Bytes to(static_cast<size_t>(window.height * window.width * channels)), scratch;
              resize_window(from.data(), c.from.height, c.from.width, channels, c.to.height,
                            c.to.width, window, kind, to.data(), scratch, row_bytes);
              return to;
            });
        }
}

}  // namespace
}  // namespace swin::data::kernels
