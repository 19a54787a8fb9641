// What people complain about most in sets with label maps and objects is counted or named.
#include <gmock/gmock.h>

#include "data/check.h"
#include "data/formats/formats.h"
#include "data/label_values.h"
#include "tests/data/label_files.h"
#include "tests/data/test_datasets.h"

namespace swin::data {
namespace {

using testing::HasSubstr;

constexpr uint16_t kIgnored = LabelMap::kIgnored;

TEST(LabelValues, FollowTheRulesOfMmsegmentation) {
  const LabelValues plain(255, false, 3), reduced(255, true, 3), open(7, false, 0);
  EXPECT_EQ(plain.class_of(2), 2);
  EXPECT_EQ(plain.class_of(3), LabelValues::kBeyond);
  EXPECT_EQ(plain.class_of(255), kIgnored);
  EXPECT_EQ(reduced.class_of(0), kIgnored);
  EXPECT_EQ(reduced.class_of(3), 2);
  EXPECT_EQ(reduced.class_of(4), LabelValues::kBeyond);
  EXPECT_EQ(open.class_of(7), kIgnored);
  EXPECT_EQ(open.class_of(65533), 65533);
  EXPECT_EQ(open.class_of(65534), LabelValues::kBeyond);
}

TEST(CheckAnnotations, CountsEveryValueOfLabelMaps) {
  const TemporaryDirectory folder;
  folder.write("images/a.png", image_png(2, 3));
  folder.write("masks/a.png", label_png(2, 3, {0, 0, 1, kIgnored, kIgnored, 1}));
  folder.write("images/b.png", image_png(2, 3));
  folder.write("masks/b.png", label_png(2, 3, {0, 0, 0, 5, 5, 1}));
  folder.write("images/c.png", image_png(2, 2));
  folder.write("masks/c.png", label_png(2, 3, {0, 0, 0, 0, 0, 0}));
  DatasetOptions options = dataset_options("label_maps", folder.path());
  options.split = Split::none;
  options.num_classes = 3;
  const DataCheck check = check_dataset(*open_dataset(options));
  EXPECT_EQ(check.kind, AnnotationKind::label_map);
  ASSERT_EQ(check.values.size(), 4u);
  const auto expect = [&](size_t place, uint16_t value, int64_t pixels, int64_t images,
                          uint16_t meaning) {
    EXPECT_EQ(check.values[place].value, value);
    EXPECT_EQ(check.values[place].pixels, pixels) << value;
    EXPECT_EQ(check.values[place].images, images) << value;
    EXPECT_EQ(check.values[place].meaning, meaning) << value;
  };
  expect(0, 0, 11, 3, 0);
  expect(1, 1, 3, 2, 1);
  expect(2, 5, 2, 1, LabelValues::kBeyond);
  expect(3, 255, 2, 1, kIgnored);
  // Images that cannot be learned from are named, and count for no class.
  EXPECT_EQ(check.classes[0].pixels, 2);
  EXPECT_EQ(check.classes[0].images, 1);
  EXPECT_EQ(check.classes[2].images, 0);
  ASSERT_EQ(check.bad.size(), 2u);
  EXPECT_THAT(check.bad[0].error, HasSubstr("masks/b.png: found the value 5 in column 0 of row 1"));
  EXPECT_THAT(check.bad[1].error,
              HasSubstr("images/c.png: found a label map of 2 × 3 pixels, expected the 2 × 2 of "
                        "the image"));
}

// The label map of an image that its EXIF data turn has the size of the turned image.
TEST(CheckAnnotations, TurnedImagesHaveTurnedLabelMaps) {
  const TemporaryDirectory folder;
  folder.write("images/a.jpg", image_bytes("exif_6.jpg"));
  const Image stored = decode_image(image_bytes("exif_6.jpg"), "", 3);
  ASSERT_NE(stored.height, stored.width);
  const std::vector<uint16_t> zeros(static_cast<size_t>(stored.height * stored.width), 0);
  folder.write("masks/a.png", label_png(stored.width, stored.height, zeros));
  DatasetOptions options = dataset_options("label_maps", folder.path());
  options.split = Split::none;
  options.num_classes = 2;
  EXPECT_THAT(check_dataset(*open_dataset(options)).bad.at(0).error,
              HasSubstr("set preprocess.exif_orientation"));
  EXPECT_EQ(check_dataset(*open_dataset(options)).turned, 1);
  options.decode.exif_orientation = true;
  EXPECT_TRUE(check_dataset(*open_dataset(options)).bad.empty());
}

// A set of objects that no file holds.
class ManyObjects : public Dataset {
 public:
  ManyObjects() { class_names_ = {"a", "b"}; }
  int64_t size() const override { return 3; }
  void load(int64_t, Image& image) const override { image.reshape(200, 200, 3); }
  std::string name(int64_t i) const override { return std::to_string(i); }
  Annotation annotation(int64_t i) const override {
    Objects all{200, 200, {}};
    if (i == 0)  // of 1, 32² and 32² + 1 pixels, 96² and 96² + 1
      for (const double area : {1.0, 1024.0, 1025.0, 9216.0, 9217.0})
        all.objects.push_back({{0, 0, 9, 9}, 1, {}, false, area});
    for (int64_t k = 0; i == 1 && k < 101; ++k)
      all.objects.push_back({{0, 0, 9, 9}, 0, RunLengths{200, 200, {0, 40000}}, k == 7, 4});
    return all;
  }
};

TEST(CheckAnnotations, CountsObjectsAndCrowds) {
  const DataCheck check = check_dataset(ManyObjects());
  const DataCheck::ObjectCounts& counts = check.objects;
  EXPECT_EQ(counts.objects, 105);
  EXPECT_EQ(counts.crowds, 1);
  EXPECT_EQ(counts.without_mask, 5);
  EXPECT_EQ(counts.small, 2 + 100);
  EXPECT_EQ(counts.medium, 2);
  EXPECT_EQ(counts.large, 1);
  EXPECT_EQ(counts.most, 100);
  EXPECT_EQ(counts.crowded_images, 0);
  EXPECT_EQ(counts.empty_images, 1);
  EXPECT_EQ(check.classes[0].objects, 100);
  EXPECT_EQ(check.classes[0].crowds, 1);
  EXPECT_EQ(check.classes[1].objects, 5);
  EXPECT_EQ(check.classes[1].images, 1);
}

}  // namespace
}  // namespace swin::data
