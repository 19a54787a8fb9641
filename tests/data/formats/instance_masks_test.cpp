#include <gmock/gmock.h>

#include "data/check.h"
#include "data/formats/formats.h"
#include "tests/data/label_files.h"
#include "tests/data/test_datasets.h"

namespace swin::data {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::Pair;

// Images of 2 × 3.
class InstanceMasks : public testing::Test {
 protected:
  void add_mask(const std::string& name, const std::vector<uint16_t>& pixels) {
    folder.write(name, label_png(2, 3, pixels));
  }
  void add_item(const std::string& item) {
    folder.write(item + "/images/" + item.substr(item.rfind('/') + 1) + ".png", image_png(2, 3));
    add_mask(item + "/masks/0.png", {1, 1, 0, 1, 0, 0});
    add_mask(item + "/masks/1.png", {0, 0, 0, 0, 0, 1});
  }
  DatasetOptions options(Split split = Split::none) const {
    DatasetOptions result = dataset_options("instance_masks", folder.path());
    result.split = split;
    return result;
  }
  std::string path(const std::string& name) const { return (folder / name).string(); }
  TemporaryDirectory folder;
};

TEST_F(InstanceMasks, AFolderForEachImage) {
  add_item("train/b");
  add_item("train/a");
  add_item("val/c");
  const auto set = open_dataset(options(Split::train));
  ASSERT_EQ(set->size(), 2);
  EXPECT_EQ(set->name(0), path("train/a/images/a.png"));
  EXPECT_EQ(set->annotation_kind(), AnnotationKind::objects);
  EXPECT_THAT(set->class_names(), ElementsAre("object"));
  EXPECT_EQ(set->num_objects(0), 2);
  const Objects expected = {2,
                            3,
                            {{{0, 0, 2, 2}, 0, RunLengths{2, 3, {0, 3, 3}}, false, 3},
                             {{2, 1, 3, 2}, 0, RunLengths{2, 3, {5, 1}}, false, 1}}};
  EXPECT_EQ(set->annotation(0), Annotation(expected));
  EXPECT_EQ(open_dataset(options(Split::validation))->size(), 1);
  EXPECT_EQ(open_dataset(options(Split::all))->size(), 3);
  EXPECT_THAT(data_error([&] { open_dataset(options()); }), HasSubstr("found the splits train"));
  EXPECT_EQ(format_of_path(folder.path()), "instance_masks");
  EXPECT_EQ(set->files().size(), 6u);
}

TEST_F(InstanceMasks, LabelMapsHaveTwoClasses) {
  add_item("a");
  folder.write("classes.txt", "nucleus\n");
  DatasetOptions from = options();
  from.annotation = AnnotationKind::label_map;
  const auto set = open_dataset(from);
  EXPECT_THAT(set->class_names(), ElementsAre("background", "nucleus"));
  EXPECT_EQ(set->annotation(0), Annotation(LabelMap{2, 3, {1, 1, 0, 1, 0, 1}}));
  from.annotation = AnnotationKind::objects;
  EXPECT_THAT(open_dataset(from)->class_names(), ElementsAre("nucleus"));
}

TEST_F(InstanceMasks, AFolderOfMasksForEachImage) {
  folder.write("images/a.png", image_png(2, 3));
  folder.write("images/b.jpg", image_bytes("gray.jpg"));
  add_mask("masks/a/x.png", {1, 0, 0, 0, 0, 0});
  const auto set = open_dataset(options());
  ASSERT_EQ(set->size(), 2);
  EXPECT_EQ(std::get<Objects>(set->annotation(0)).objects.size(), 1u);
  // An image without masks has its own size.
  const auto empty = std::get<Objects>(set->annotation(1));
  EXPECT_TRUE(empty.objects.empty());
  EXPECT_EQ((base::Size2{empty.height, empty.width}), set->size(1));
  EXPECT_EQ(format_of_path(folder.path()), "instance_masks");
  DatasetOptions from = options();
  from.keep_empty = false;
  const auto kept = open_dataset(from);
  EXPECT_EQ(kept->size(), 1);
  EXPECT_THAT(passed_over_of(*kept, folder.path().string().size() + 1),
              ElementsAre(Pair("image without masks", ElementsAre("images/b.jpg"))));
}

TEST_F(InstanceMasks, EmptyMasksAreLeftOutAndCounted) {
  add_item("a");
  add_mask("a/masks/2.png", {0, 0, 0, 0, 0, 0});
  const auto set = open_dataset(options());
  EXPECT_EQ(std::get<Objects>(set->annotation(0)).objects.size(), 2u);
  const DataCheck check = check_dataset(*set);
  ASSERT_EQ(check.left_out.size(), 1u);
  EXPECT_EQ(check.left_out[0].reason, "empty mask");
  EXPECT_THAT(check.left_out[0].names, ElementsAre(path("a/masks/2.png")));
}

TEST_F(InstanceMasks, OtherSizesAreNamed) {
  add_item("a");
  folder.write("a/masks/2.png", label_png(1, 2, {0, 1}));
  EXPECT_THAT(data_error([&] { open_dataset(options())->annotation(0); }),
              HasSubstr(path("a/masks/2.png") + ": found a mask of 1 × 2 pixels, expected 2 × 3"));
  folder.write("b/images/1.png", image_png(2, 3));
  folder.write("b/images/2.png", image_png(2, 3));
  folder.write("b/masks/1.png", label_png(2, 3, {1, 1, 1, 1, 1, 1}));
  EXPECT_THAT(data_error([&] { open_dataset(options()); }),
              HasSubstr(path("b/images") + ": found 2 images, expected one for each folder"));
}

}  // namespace
}  // namespace swin::data
