#include <gmock/gmock.h>

#include <set>

#include "data/formats/formats.h"
#include "tests/data/test_datasets.h"
#include "tests/data/test_files.h"

namespace swin::data {
namespace {

using testing::HasSubstr;

// A folder in the format mnist: items of class c are 8 × 8 with c + 2 rows of ink.
class FashionScenes : public testing::Test {
 protected:
  FashionScenes() {
    for (const char* start : {"train", "t10k"}) {
      Bytes images = {0, 0, 8, 3, 0, 0, 0, 10, 0, 0, 0, 8, 0, 0, 0, 8};
      Bytes labels = {0, 0, 8, 1, 0, 0, 0, 10};
      for (int item = 0; item < 10; ++item) {
        labels.push_back(static_cast<uint8_t>(item));
        for (int pixel = 0; pixel < 64; ++pixel)
          images.push_back(pixel / 8 < item / 2 + 2 ? static_cast<uint8_t>(60 + 3 * pixel) : 0);
      }
      folder.write("fashion/" + std::string(start) + "-images-idx3-ubyte", images);
      folder.write("fashion/" + std::string(start) + "-labels-idx1-ubyte", labels);
    }
    options = dataset_options("fashion_scenes", folder / "fashion");
    options.synthetic_size = {64, 80};
    options.synthetic_samples = 40;
    options.seed = 3;
  }
  TemporaryDirectory folder;
  DatasetOptions options;
};

TEST_F(FashionScenes, AreAFunctionOfTheirSeed) {
  const auto one = open_dataset(options), same = open_dataset(options);
  options.seed = 4;
  const auto other = open_dataset(options);
  options.seed = 3;
  options.split = Split::test;
  const auto test = open_dataset(options);
  ASSERT_EQ(one->size(), 40);
  EXPECT_EQ(one->fingerprint(), same->fingerprint());
  EXPECT_NE(one->fingerprint(), other->fingerprint());
  EXPECT_NE(one->fingerprint(), test->fingerprint());
  for (int64_t i = 39; i >= 0; i -= 13) {
    EXPECT_EQ(one->load(i), same->load(i));
    EXPECT_EQ(one->annotation(i), same->annotation(i));
    EXPECT_NE(one->load(i), other->load(i));
    EXPECT_NE(one->load(i), test->load(i));
  }
  // Equal on every machine.
  EXPECT_EQ(sha256_of(one->load(7).pixels),
            "5688752780cc2b4a6cb9b72f0c93af90ed837465bf6752e3cd023239262e45d9");
  EXPECT_EQ(one->load(7).height, 64);
  EXPECT_EQ(one->size(7), (base::Size2{64, 80}));
}

TEST_F(FashionScenes, ObjectsAndLabelMapsAgree) {
  options.annotation = AnnotationKind::label_map;
  const auto maps = open_dataset(options);
  options.annotation = AnnotationKind::objects;
  const auto objects = open_dataset(options);
  EXPECT_EQ(maps->num_classes(), 11);
  EXPECT_EQ(maps->class_names()[0], "background");
  EXPECT_EQ(maps->class_names()[1], objects->class_names()[0]);
  EXPECT_EQ(objects->num_classes(), 10);
  std::set<size_t> counts;
  for (int64_t i = 0; i < 40; ++i) {
    const auto map = std::get<LabelMap>(maps->annotation(i));
    const auto all = std::get<Objects>(objects->annotation(i));
    EXPECT_EQ(maps->load(i), objects->load(i));
    check_fits(map, {64, 80}, "map");
    check_fits(all, {64, 80}, "objects");
    counts.insert(all.objects.size());
    std::vector<uint16_t> painted(map.classes.size(), 0);
    for (const Object& object : all.objects) {
      const std::vector<uint8_t> mask = to_pixels(std::get<RunLengths>(object.mask));
      BoundingBox box{80, 64, 0, 0};
      double area = 0;
      for (size_t p = 0; p < mask.size(); ++p) {
        if (!mask[p]) continue;
        EXPECT_EQ(painted[p], 0) << "masks are of what is seen";
        painted[p] = static_cast<uint16_t>(object.class_index + 1);
        const auto x = static_cast<double>(p % 80), y = static_cast<double>(p / 80);
        box = {std::min(box.x1, x), std::min(box.y1, y), std::max(box.x2, x + 1),
               std::max(box.y2, y + 1)};
        ++area;
      }
      EXPECT_EQ(object.box, box);
      EXPECT_EQ(object.area, area);
      EXPECT_GT(area, 0);
    }
    EXPECT_EQ(painted, map.classes);
  }
  EXPECT_EQ(*counts.begin(), 1u);
  EXPECT_EQ(*counts.rbegin(), 6u);
}

// The pixels of an item differ from the canvas alone, which a scene without it shows.
TEST_F(FashionScenes, ItemsAreSeenWhereTheirMasksAre) {
  options.annotation = AnnotationKind::label_map;
  const auto set = open_dataset(options);
  double inside = 0, outside = 0, count_inside = 0, count_outside = 0;
  for (int64_t i = 0; i < 10; ++i) {
    const Image image = set->load(i);
    const auto map = std::get<LabelMap>(set->annotation(i));
    // Neighbors of one label are alike, those across an edge of a mask are not.
    for (int64_t y = 0; y < 64; ++y)
      for (int64_t x = 1; x < 80; ++x) {
        const auto p = static_cast<size_t>(y * 80 + x);
        const double change = std::abs(image.row(y)[3 * x] - image.row(y)[3 * x - 3]);
        const bool edge = map.classes[p] != map.classes[p - 1];
        (edge ? outside : inside) += change;
        (edge ? count_outside : count_inside) += 1;
      }
  }
  EXPECT_GT(outside / count_outside, 3 * inside / count_inside);
}

TEST_F(FashionScenes, OptionsAreChecked) {
  options.channels = 1;
  EXPECT_EQ(open_dataset(options)->load(0).channels, 1);
  options.synthetic_size = {31, 64};
  EXPECT_THAT(test::message_of<base::UsageError>([&] { open_dataset(options); }),
              HasSubstr("expected sides of 32 … 1024 pixels for fashion_scenes"));
  options.synthetic_size = {64, 64};
  options.synthetic_samples = 0;
  EXPECT_THAT(test::message_of<base::UsageError>([&] { open_dataset(options); }),
              HasSubstr("data.samples"));
  options.annotation = AnnotationKind::one_class;
  options.synthetic_samples = 1;
  EXPECT_THAT(test::message_of<base::UsageError>([&] { open_dataset(options); }),
              HasSubstr("which has objects, expected one with classes of whole images"));
}

}  // namespace
}  // namespace swin::data
