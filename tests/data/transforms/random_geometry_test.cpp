// The geometries of dense tasks: their sizes and draws by the published rules, and that image, map,
// boxes and masks stay together.
#include <gmock/gmock.h>

#include <cmath>
#include <limits>
#include <set>

#include "data/stages.h"
#include "tests/data/one_image.h"
#include "tests/data/sized_images.h"
#include "tests/data/transforms/painted.h"

namespace swin::data {
namespace {

using testing::ElementsAre;

Preprocess keeping_ratio(int64_t channels = 1) {
  return {.height = 48,
          .width = 40,
          .channels = channels,
          .resize = 48,
          .long_side = 192,
          .interpolation = Interpolation::bilinear,
          .mean = {0},
          .std = {1}};
}

struct Recipe {
  const char* name;
  Augment augment;
};

std::vector<Recipe> recipes() {
  std::vector<Recipe> all = {{"shortest edge", {}},
                             {"multi-scale", {}},
                             {"ratio and crop", {}},
                             {"detection crop", {}},
                             {"large-scale jitter", {}}};
  for (Recipe& recipe : all) recipe.augment.horizontal_flip = 0.5;
  all[1].augment.short_sides = {30, 44, 60};
  all[2].augment.resize_ratio = {0.5, 2};
  all[3].augment.short_sides = {40, 50, 60};
  all[3].augment.detection_crop = {24, 40};
  all[4].augment.large_scale_jitter = {0.1, 2};
  return all;
}

const base::Size2 kSizes[] = {{60, 80}, {97, 45}, {48, 40}, {33, 170}};

TEST(KeepRatio, SizesAreThoseOfMmcv) {
  EXPECT_THAT(keep_ratio_size({375, 500}, 512, 2048), ElementsAre(512, 683));
  EXPECT_THAT(keep_ratio_size({480, 640}, 800, 1333), ElementsAre(800, 1067));
  EXPECT_THAT(keep_ratio_size({640, 427}, 800, 1333), ElementsAre(1199, 800));
  EXPECT_THAT(keep_ratio_size({200, 1000}, 800, 1333), ElementsAre(267, 1333));
  EXPECT_THAT(keep_ratio_size({1, 65000}, 512, 2048), ElementsAre(1, 2048));
  EXPECT_THAT(keep_ratio_size({7, 7}, 1, 1), ElementsAre(1, 1));
}

TEST(KeepRatio, ASampleIsPaddedRightAndBelow) {
  EXPECT_THAT(padded_up({1, 32}), ElementsAre(32, 32));
  EXPECT_THAT(padded_up({33, 64}), ElementsAre(64, 64));
  const LabelMap map{1, 3, {7, 8, 9}};
  const auto seen = [&](const Geometry& geometry) {
    return std::get<LabelMap>(transformed(padded(geometry, {2, 5}), map)).classes;
  };
  constexpr uint16_t kNone = LabelMap::kIgnored;
  Geometry geometry = unchanged({1, 3});
  EXPECT_THAT(seen(geometry),
              ElementsAre(7, 8, 9, kNone, kNone, kNone, kNone, kNone, kNone, kNone));
  geometry.flip = true;
  EXPECT_THAT(seen(geometry),
              ElementsAre(9, 8, 7, kNone, kNone, kNone, kNone, kNone, kNone, kNone));
  const Geometry smaller = fitted_into(resized({10, 10}, {60, 30}), {32, 64});
  EXPECT_THAT(smaller.size, ElementsAre(32, 16));
  EXPECT_EQ(smaller.window, (Box{0, 0, 32, 16}));
}

TEST(KeepRatio, PreparesAnImageForPrediction) {
  Image image;
  image.reshape(33, 170, 1);
  image.pixels.assign(image.pixels.size(), 51);
  Preprocess preprocess = keeping_ratio();
  preprocess.mean = {0.1f};
  const PreparedImage prepared = preprocess_image(image, preprocess);
  EXPECT_THAT(prepared.original_size, ElementsAre(33, 170));
  EXPECT_THAT(prepared.real_size, ElementsAre(37, 192));
  EXPECT_THAT(prepared.padded_size, ElementsAre(64, 192));
  ASSERT_EQ(prepared.pixels.size(), 64u * 192);
  for (size_t i = 0; i < prepared.pixels.size(); ++i)
    ASSERT_EQ(prepared.pixels[i], i < 37 * 192 ? 51 / 255.f - 0.1f : 0.f) << i;
  preprocess.long_side.reset();
  const PreparedImage fitted = preprocess_image(image, preprocess);
  EXPECT_THAT(fitted.padded_size, ElementsAre(48, 40));
  EXPECT_THAT(fitted.real_size, ElementsAre(48, 40));
}

TEST(Geometries, ImageMapBoxesAndMasksStayTogether) {
  for (const Recipe& recipe : recipes()) {
    SCOPED_TRACE(recipe.name);
    Followed followed;
    for (const base::Size2& size : kSizes) {
      const Rectangle painted = paint(size[0], size[1], {6, 9, 20, 24});
      for (uint64_t sample = 0; sample < 25; ++sample)
        expect_following(painted,
                         draw_geometry(size, keeping_ratio(), recipe.augment, {3, 1, sample}),
                         followed);
    }
    EXPECT_GT(followed.compared, 60);
  }
}

TEST(Geometries, MirroredTwiceAreNotMirrored) {
  for (const Recipe& recipe : recipes())
    for (uint64_t sample = 0; sample < 10; ++sample) {
      const Rectangle painted = paint(60, 80, {6, 9, 20, 24});
      Geometry geometry = draw_geometry({60, 80}, keeping_ratio(), recipe.augment, {3, 1, sample});
      geometry.flip = false;
      const Annotation map = transformed(geometry, painted.map),
                       objects = transformed(geometry, painted.objects);
      geometry.flip = true;
      Geometry mirror = unchanged({geometry.window.height, geometry.window.width});
      mirror.flip = true;
      EXPECT_EQ(transformed(mirror, transformed(geometry, painted.map)), map) << recipe.name;
      const auto again =
          std::get<Objects>(transformed(mirror, transformed(geometry, painted.objects)));
      const auto& once = std::get<Objects>(objects);
      ASSERT_EQ(again.objects.size(), once.objects.size()) << recipe.name;
      for (size_t i = 0; i < again.objects.size(); ++i)
        expect_near(again.objects[i].box, once.objects[i].box, 1e-9, recipe.name);
    }
}

TEST(Geometries, HaveTheSizesOfTheirRules) {
  for (const Recipe& recipe : recipes()) {
    const bool vary = sizes_vary(keeping_ratio(), recipe.augment);
    std::set<int64_t> short_sides;
    for (uint64_t sample = 0; sample < 200; ++sample) {
      const Geometry geometry =
          draw_geometry({60, 80}, keeping_ratio(), recipe.augment, {3, 1, sample});
      const Box whole = {0, 0, geometry.size[0], geometry.size[1]};
      EXPECT_EQ(geometry.window, geometry.visible);
      if (vary) {
        EXPECT_EQ(geometry.window, whole) << recipe.name;
        EXPECT_LE(std::max(whole.height, whole.width), 192);
        short_sides.insert(std::min(whole.height, whole.width));
      } else {
        EXPECT_EQ(geometry.window.height, std::min<int64_t>(48, whole.height));
        EXPECT_EQ(geometry.window.width, std::min<int64_t>(40, whole.width));
        EXPECT_GE(geometry.window.top, 0);
        EXPECT_LE(geometry.window.top + geometry.window.height, whole.height);
        EXPECT_LE(geometry.window.left + geometry.window.width, whole.width);
      }
    }
    if (!recipe.augment.short_sides.empty()) {
      EXPECT_THAT(short_sides, testing::ElementsAreArray(recipe.augment.short_sides));
    }
  }
}

TEST(LargeScaleJitter, IsAFactorOfTheSizeThatFits) {
  double least = 10, most = 0, sum = 0;
  for (uint64_t sample = 0; sample < 1000; ++sample) {
    const base::Size2 size = jittered_size({0.1, 2}, {60, 80}, keeping_ratio(), {3, 1, sample});
    EXPECT_NEAR(static_cast<double>(size[0]) / 0.75, static_cast<double>(size[1]), 1.5);
    const double factor = static_cast<double>(size[1]) / 40;  // 30 × 40 fits
    least = std::min(least, factor);
    most = std::max(most, factor);
    sum += factor;
  }
  EXPECT_NEAR(least, 0.1, 0.03);
  EXPECT_NEAR(most, 2, 0.03);
  EXPECT_NEAR(sum / 1000, 1.05, 0.06);
}

TEST(DetectionCrop, IsARangeOfTheImageAtOneOfThreeScales) {
  Augment augment = recipes()[3].augment;
  int64_t crops = 0;
  std::set<int64_t> heights, widths;
  for (uint64_t sample = 0; sample < 400; ++sample) {
    const Geometry geometry = draw_geometry({60, 80}, keeping_ratio(), augment, {3, 1, sample});
    const Box& box = geometry.crop;
    EXPECT_GE(std::min(box.top, box.left), 0);
    EXPECT_LE(box.top + box.height, 60);
    EXPECT_LE(box.left + box.width, 80);
    if (box == Box{0, 0, 60, 80}) continue;
    ++crops;
    heights.insert(box.height);
    widths.insert(box.width);
    // 24 … 40 pixels at a short side of 26, 33 or 40.
    EXPECT_GE(std::min(box.height, box.width), 24 * 60 / 40);
    EXPECT_LE(box.width, 40 * 60 / 26 + 1);
    // The ratio is kept but for the rounding to pixels of the image.
    const double of_box = static_cast<double>(box.height) / static_cast<double>(box.width);
    const double of_sample =
        static_cast<double>(geometry.size[0]) / static_cast<double>(geometry.size[1]);
    EXPECT_NEAR(of_box / of_sample, 1, 0.06);
  }
  EXPECT_NEAR(static_cast<double>(crops), 200, 40);
  EXPECT_LT(*heights.begin(), 24 * 60 / 33);      // of the largest scale alone
  EXPECT_GT(*widths.rbegin(), 40 * 60 / 33 + 1);  // of the smallest alone
  EXPECT_GT(heights.size(), 15u);
}

TEST(MaxClassRatio, OtherPartsAreTriedUntilOneFits) {
  const LabelMap map = SizedImages::map_of(60, 80);
  int64_t chosen = 0, moved = 0;
  for (uint64_t sample = 0; sample < 200; ++sample) {
    const Draw draw{3, 1, sample};
    const auto part = [&](double most) {
      return random_part({60, 80}, {60, 80}, keeping_ratio(), most, map, draw);
    };
    const Geometry first = part(1), fitting = part(0.75);
    const double ratio = largest_class_ratio(fitting, map);
    chosen += ratio < 0.75;
    moved += !(first == fitting);
    if (largest_class_ratio(first, map) < 0.75) {
      EXPECT_EQ(first, fitting);
    }
    EXPECT_EQ(part(1e-9).window,  // never fits: the last of eleven
              (Box{below(draw.random("data/crop"), 20, 13), below(draw.random("data/crop"), 21, 41),
                   48, 40}));
  }
  EXPECT_GT(chosen, 195);
  EXPECT_GT(moved, 30);
  // Of ignored pixels alone there is no class.
  const LabelMap ignored{2, 2, std::vector<uint16_t>(4, LabelMap::kIgnored)};
  EXPECT_EQ(largest_class_ratio(unchanged({2, 2}), ignored), 1);
  EXPECT_EQ(largest_class_ratio(unchanged({1, 4}), LabelMap{1, 4, {5, 5, 9, LabelMap::kIgnored}}),
            2.0 / 3);
}

// mmsegmentation's formulas, written down again in Python.
TEST(SegmentationRecipe, EqualsItsTwin) {
  Augment augment{.horizontal_flip = 0.5, .photometric_distortion = true};
  augment.resize_ratio = {0.5, 2};
  augment.max_class_ratio = 0.75;
  for (const auto& row : read_table("segmentation_goldens.txt")) {
    const base::Size2 size = {std::stoll(row[0]), std::stoll(row[1])};
    const SizedImages set({size});
    const Stages stages(set, keeping_ratio(3), augment);
    Work work;
    stages.load_source(0, work);
    std::vector<float> out(48 * 40 * 3, -1);
    stages.make_sample({5, 2, static_cast<uint64_t>(std::stoll(row[2]))}, {48, 40}, out.data(),
                       work);
    EXPECT_EQ(work.geometry.size, (base::Size2{std::stoll(row[3]), std::stoll(row[4])}));
    EXPECT_EQ(work.geometry.visible.top, std::stoll(row[5]));
    EXPECT_EQ(work.geometry.visible.left, std::stoll(row[6]));
    EXPECT_EQ(work.geometry.flip, row[7] == "1");
    Bytes bytes;
    for (const float value : out) bytes.push_back(static_cast<uint8_t>(std::lround(value * 255)));
    EXPECT_EQ(sha256_of(bytes), row[8]) << testing::PrintToString(row);
    Bytes map;
    for (const uint16_t value : std::get<LabelMap>(work.annotation).classes) {
      map.push_back(static_cast<uint8_t>(value & 255));
      map.push_back(static_cast<uint8_t>(value >> 8));
    }
    EXPECT_EQ(sha256_of(map), row[9]) << testing::PrintToString(row);
  }
}

TEST(Boxes, AreThoseOfTheRestOfTheMask) {
  // An L: its foot is cut off, and with it most of the width of its box.
  const std::vector<Polygon> polygon = {{{0, 0}, {2, 0}, {2, 8}, {10, 8}, {10, 10}, {0, 10}}};
  std::vector<uint8_t> pixels(12 * 12);
  for (size_t y = 0; y < 10; ++y)
    for (size_t x = 0; x < (y < 8 ? 2u : 10u); ++x) pixels[y * 12 + x] = 1;
  const BoundingBox box{0, 0, 10, 10};
  const Objects objects{12,
                        12,
                        {{box, 0, polygon, false, 36},
                         {box, 0, to_run_lengths(pixels, 12, 12), false, 36},
                         {box, 0, {}, false, 100}}};
  Geometry geometry = unchanged({12, 12});
  EXPECT_EQ(std::get<Objects>(transformed(geometry, objects)), objects);  // nothing is cut
  geometry.visible = geometry.window = {1, 1, 6, 9};
  const auto cut = std::get<Objects>(transformed(geometry, objects)).objects;
  ASSERT_EQ(cut.size(), 3u);
  EXPECT_EQ(cut[0].box, (BoundingBox{0, 0, 1, 6}));
  EXPECT_EQ(cut[1].box, (BoundingBox{0, 0, 1, 6}));
  EXPECT_EQ(cut[2].box, (BoundingBox{0, 0, 9, 6}));
  geometry.visible = geometry.window = {7, 1, 5, 11};
  EXPECT_EQ(std::get<Objects>(transformed(geometry, objects)).objects[1].box,
            (BoundingBox{0, 0, 9, 3}));
}

// Coordinates of any bits, as a hostile file may have them.
TEST(Boxes, OfAnyNumbersAreKeptOrDropped) {
  const base::Random random(1, "any bits");
  const double numbers[] = {0,
                            -0.0,
                            7.5,
                            -3,
                            1e9,
                            1e300,
                            -1e308,
                            std::numeric_limits<double>::infinity(),
                            -std::numeric_limits<double>::infinity(),
                            std::numeric_limits<double>::quiet_NaN(),
                            5e-324};
  uint64_t element = 0;
  const auto number = [&] { return numbers[below(random, element++, std::ssize(numbers))]; };
  int64_t kept = 0;
  for (int round = 0; round < 4000; ++round) {
    std::vector<Polygon> polygons(static_cast<size_t>(below(random, element++, 3)));
    for (Polygon& polygon : polygons) {
      polygon.resize(static_cast<size_t>(below(random, element++, 6)));
      for (Point& point : polygon) point = {number(), number()};
    }
    const Mask mask = round % 2 == 0 ? Mask(polygons) : Mask();
    Objects objects{20, 20, {{{number(), number(), number(), number()}, 0, mask, false, number()}}};
    Geometry geometry =
        draw_geometry({20, 20}, keeping_ratio(), recipes()[2].augment, {1, 0, element});
    const auto left = std::get<Objects>(transformed(geometry, objects));
    for (const Object& object : left.objects) {
      ++kept;
      ASSERT_TRUE(std::isfinite(object.area) && object.area > 0);
      ASSERT_TRUE(object.box.x2 > object.box.x1 && object.box.y2 > object.box.y1);
      ASSERT_LE(object.box.x2, 48);
      ASSERT_GE(object.box.x1, 0);
    }
  }
  EXPECT_GT(kept, 0);
  const Objects none{20, 20, {}};
  EXPECT_EQ(std::get<Objects>(transformed(unchanged({20, 20}), none)), none);
  const Objects empty{20,
                      20,
                      {{{1, 1, 5, 5}, 0, std::vector<Polygon>{}, false, 16},
                       {{1, 1, 5, 5}, 0, std::vector<Polygon>{{}, {{1, 1}}}, false, 16},
                       {{1, 1, 5, 5}, 0, RunLengths{20, 20, {400}}, false, 16}}};
  EXPECT_TRUE(std::get<Objects>(transformed(unchanged({20, 20}), empty)).objects.empty());
}

}  // namespace
}  // namespace swin::data
