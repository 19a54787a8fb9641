// The geometry of images, and that label maps and objects follow it.
#include "data/transforms/geometry.h"

#include <gmock/gmock.h>

#include "data/transforms/augment.h"
#include "tests/data/transforms/painted.h"
#include "tests/data/transforms/whole_resize.h"

namespace swin::data {
namespace {

using testing::ElementsAre;

const Image& fitted(const Image& image, const Preprocess& preprocess, Image& to) {
  return through(fit({image.height, image.width}, preprocess), image, preprocess.interpolation, to);
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
}

TEST(Fit, SkipsWhatIsNotNeeded) {
  Preprocess preprocess{.height = 12, .width = 10, .channels = 3, .mean = {0.5f}, .std = {0.5f}};
  Image to;
  const Image same = counting(12, 10, 3);
  EXPECT_EQ(&fitted(same, preprocess, to), &same);
  const Image larger = counting(40, 30, 3);
  const Image& squashed = fitted(larger, preprocess, to);
  EXPECT_EQ(&squashed, &to);
  EXPECT_EQ(squashed.height, 12);
  EXPECT_EQ(squashed.width, 10);

  preprocess.resize = 15;  // → 20 × 15, then the middle 12 × 10
  Image expected;
  expected.reshape(20, 15, 3);
  Bytes between;
  kernels::resize(larger.pixels.data(), 40, 30, 3, 20, 15, Interpolation::bicubic,
                  expected.pixels.data(), between);
  const Image& cropped = fitted(larger, preprocess, to);
  ASSERT_EQ(cropped.height, 12);
  ASSERT_EQ(cropped.width, 10);
  for (int64_t y = 0; y < 12; ++y) {
    for (int64_t x = 0; x < 30; ++x) ASSERT_EQ(cropped.row(y)[x], expected.row(y + 4)[x + 2 * 3]);
  }
  // A short side below the crop is padded with zeros.
  preprocess.resize = 8;
  EXPECT_EQ(fitted(larger, preprocess, to).row(5)[0], 0);
  EXPECT_NE(fitted(larger, preprocess, to).row(5)[3], 0);
}

TEST(Fit, IsResizeThenCropForAnySize) {
  for (const int64_t short_side : {20, 24, 31, 40}) {
    const Preprocess preprocess{.height = 24, .width = 28, .channels = 3, .resize = short_side};
    for (const auto& [height, width] : std::vector<std::pair<int64_t, int64_t>>{
             {60, 50}, {50, 90}, {200, 60}, {31, 31}, {7, 90}, {24, 28}, {1, 3}, {40, 41}}) {
      const Image image = counting(height, width, 3);
      const auto [new_height, new_width] = short_side_size(height, width, short_side);
      Image whole, expected, to;
      whole.reshape(new_height, new_width, 3);
      Bytes between;
      kernels::resize(image.pixels.data(), height, width, 3, new_height, new_width,
                      preprocess.interpolation, whole.pixels.data(), between);
      crop(whole, center_crop(new_height, new_width, 24, 28), 24, 28, expected);
      const Image& found = fitted(image, preprocess, to);
      ASSERT_EQ(found.height, 24);
      ASSERT_EQ(found.width, 28);
      EXPECT_EQ(found.pixels, expected.pixels) << height << " × " << width << ", " << short_side;
    }
  }
}

// Resized whole it would have 256 × 16,640,000 pixels, 12.8 GB.
TEST(Fit, AStripCostsOnlyItsCrop) {
  const Preprocess preprocess{.height = 224, .width = 224, .channels = 3, .resize = 256};
  for (const bool upright : {false, true}) {
    const Image strip = upright ? counting(65000, 1, 3) : counting(1, 65000, 3);
    // Far from the ends only the middle sixteen pixels matter.
    Image middle, expected, to;
    crop(strip, upright ? Corner{32492, 0} : Corner{0, 32492}, upright ? 16 : 1, upright ? 1 : 16,
         middle);
    const Image& middle_fitted = fitted(middle, preprocess, expected);
    EXPECT_EQ(fitted(strip, preprocess, to).pixels, middle_fitted.pixels);
    EXPECT_LT(to.pixels.capacity(), 1u << 20);
  }
}

TEST(Fit, PreprocessImageIsFitThenNormalize) {
  const Preprocess preprocess{.height = 2, .width = 3, .channels = 1, .mean = {0}, .std = {1}};
  const Image image = counting(2, 3, 1);
  EXPECT_THAT(preprocess_image(image, preprocess).pixels,
              ElementsAre(1 / 255.f, 8 / 255.f, 15 / 255.f, 22 / 255.f, 29 / 255.f, 36 / 255.f));
}

// Everything that can be drawn, on images of several sizes.
std::vector<Geometry> drawn_geometries(const base::Size2& image) {
  std::vector<Geometry> all;
  for (const auto resize : {std::optional<int64_t>(), std::optional<int64_t>(50),
                            std::optional<int64_t>(31), std::optional<int64_t>(64)})
    for (const bool cut : {false, true})
      for (uint64_t sample = 0; sample < 25; ++sample) {
        const Preprocess preprocess{.height = 40, .width = 48, .channels = 1, .resize = resize};
        Augment augment{.random_crop = 6, .horizontal_flip = 0.5};
        if (cut) augment.random_resized_crop.emplace();
        all.push_back(draw_geometry(image, preprocess, augment, {1, 0, sample}));
      }
  return all;
}

TEST(Annotations, FollowTheImage) {
  Followed followed;
  for (const base::Size2& size : {base::Size2{60, 80}, {97, 45}, {40, 48}, {33, 37}}) {
    const Rectangle painted = paint(size[0], size[1], {11, 9, 14, 19});
    for (const Geometry& geometry : drawn_geometries(size)) {
      ASSERT_EQ(geometry.window.height, 40);
      ASSERT_EQ(geometry.window.width, 48);
      expect_following(painted, geometry, followed);
    }
  }
  EXPECT_GT(followed.compared, 400);
  EXPECT_GT(followed.dropped, 20);
}

TEST(Annotations, MirroredTwiceAreTheSame) {
  const Rectangle painted = paint(30, 41, {3, 5, 12, 20});
  Geometry mirror = unchanged({30, 41});
  EXPECT_EQ(std::get<Objects>(transformed(mirror, painted.objects)), painted.objects);
  EXPECT_EQ(std::get<LabelMap>(transformed(mirror, painted.map)), painted.map);
  mirror.flip = true;
  const Annotation map = transformed(mirror, painted.map),
                   objects = transformed(mirror, painted.objects);
  EXPECT_EQ(std::get<Objects>(objects).objects[0].box, (BoundingBox{16, 3, 36, 15}));
  EXPECT_NE(std::get<LabelMap>(map), painted.map);
  EXPECT_EQ(std::get<LabelMap>(transformed(mirror, map)), painted.map);
  EXPECT_EQ(std::get<Objects>(transformed(mirror, objects)), painted.objects);
}

TEST(Annotations, PaddingIsIgnoredAndNoObject) {
  const Rectangle painted = paint(3, 4, {0, 0, 3, 4});
  Geometry padded = unchanged({3, 4});
  padded.window = {-1, -2, 6, 7};
  const auto map = std::get<LabelMap>(transformed(padded, painted.map));
  for (int64_t y = 0; y < 6; ++y)
    for (int64_t x = 0; x < 7; ++x)
      EXPECT_EQ(map.classes[static_cast<size_t>(y * 7 + x)],
                y >= 1 && y < 4 && x >= 2 && x < 6 ? kInside : LabelMap::kIgnored);
  const auto objects = std::get<Objects>(transformed(padded, painted.objects));
  ASSERT_EQ(objects.objects.size(), 3u);
  EXPECT_EQ(objects.objects[0].box, (BoundingBox{2, 1, 6, 4}));
  EXPECT_EQ(objects.objects[2].area, 12);
}

// The pixel in which the center lies: 4 → 2 takes the second of each pair, 2 → 4 repeats.
TEST(Annotations, AMapTakesTheNearestPixel) {
  const LabelMap map{1, 4, {10, 11, 12, 13}};
  Geometry geometry = unchanged({1, 4});
  const auto widths = [&](int64_t width) {
    geometry.size = {1, width};
    geometry.visible = geometry.window = {0, 0, 1, width};
    return std::get<LabelMap>(transformed(geometry, map)).classes;
  };
  EXPECT_THAT(widths(2), ElementsAre(11, 13));
  EXPECT_THAT(widths(3), ElementsAre(10, 12, 13));
  EXPECT_THAT(widths(8), ElementsAre(10, 10, 11, 11, 12, 12, 13, 13));
}

TEST(Annotations, APolygonIsCutAtTheBorder) {
  const std::vector<Polygon> triangle = {{{0, 0}, {8, 0}, {0, 8}}, {{20, 0}, {24, 0}, {20, 4}}};
  const Objects objects{10, 30, {{{0, 0, 24, 8}, 0, triangle, false, 40}}};
  Geometry geometry = unchanged({10, 30});
  geometry.visible = geometry.window = {0, 0, 4, 6};
  const auto cut = std::get<Objects>(transformed(geometry, objects));
  ASSERT_EQ(cut.objects.size(), 1u);
  EXPECT_EQ(cut.objects[0].box, (BoundingBox{0, 0, 6, 4}));
  const auto parts = std::get<std::vector<Polygon>>(cut.objects[0].mask);
  ASSERT_EQ(parts.size(), 1u);  // the other part lies outside
  EXPECT_THAT(parts[0], testing::UnorderedElementsAre(Point{0, 0}, Point{6, 0}, Point{6, 2},
                                                      Point{4, 4}, Point{0, 4}));
  EXPECT_EQ(cut.objects[0].area, 22);  // 6 · 4, less a corner of 2 · 2 / 2
  // An object whose box is inside, but whose mask is not, is left out.
  geometry.visible = geometry.window = {5, 10, 3, 8};
  EXPECT_TRUE(std::get<Objects>(transformed(geometry, objects)).objects.empty());
}

TEST(Annotations, ClassesStayAsTheyAre) {
  const Geometry geometry = draw_geometry({9, 9}, {.height = 4, .width = 4}, {}, {});
  EXPECT_EQ(std::get<OneClass>(transformed(geometry, OneClass{3})).index, 3);
  EXPECT_THAT(std::get<Classes>(transformed(geometry, Classes{{1, 2}})).indices, ElementsAre(1, 2));
  EXPECT_EQ(kind_of(transformed(geometry, Annotation())), AnnotationKind::none);
}

}  // namespace
}  // namespace swin::data
