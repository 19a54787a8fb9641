// ADE20K and Cityscapes: label maps in the folders of these benchmarks.
#include <gmock/gmock.h>

#include "data/formats/formats.h"
#include "tests/data/label_files.h"
#include "tests/data/test_datasets.h"

namespace swin::data {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::Pair;

constexpr uint16_t kIgnored = LabelMap::kIgnored;

DatasetOptions options(const std::string& format, const TemporaryDirectory& folder, Split split) {
  DatasetOptions result = dataset_options(format, folder.path());
  result.split = split;
  return result;
}

TEST(Ade20k, ZeroIsNoClass) {
  const TemporaryDirectory folder;
  folder.write("images/training/x_1.png", image_png(1, 4));
  folder.write("annotations/training/x_1.png", label_png(1, 4, {0, 1, 150, kIgnored}));
  folder.write("images/validation/x_2.png", image_png(1, 1));
  folder.write("annotations/validation/x_2.png", label_png(1, 1, {151}));
  EXPECT_EQ(format_of_path(folder.path()), "ade20k");
  const auto train = open_dataset(options("ade20k", folder, Split::train));
  EXPECT_EQ(train->num_classes(), 150);
  EXPECT_EQ(train->class_names()[149], "149");
  EXPECT_THAT(std::get<LabelMap>(train->annotation(0)).classes,
              ElementsAre(kIgnored, 0, 149, kIgnored));
  const auto held_out = open_dataset(options("ade20k", folder, Split::validation));
  EXPECT_THAT(
      data_error([&] { held_out->annotation(0); }),
      HasSubstr("found the value 151 in column 0 of row 0, expected 1 … 150, or 0 and 255"));
}

TEST(Ade20k, NamesComeFromItsTable) {
  const TemporaryDirectory folder;
  folder.write("images/training/a.png", image_png(1, 1));
  folder.write("annotations/training/a.png", label_png(1, 1, {1}));
  std::string table = "Idx\tRatio\tTrain\tVal\tStuff\tName\r\n";
  for (int c = 1; c <= 150; ++c)
    table += std::to_string(c) + "\t0.1\t5\t6\t1\tthing, number " + std::to_string(c) + "\r\n";
  folder.write("objectInfo150.txt", table);
  const auto set = open_dataset(options("ade20k", folder, Split::train));
  EXPECT_EQ(set->class_names()[0], "thing, number 1");
  EXPECT_EQ(set->class_names()[149], "thing, number 150");
  folder.write("objectInfo150.txt", table.substr(0, table.size() - 40));
  EXPECT_THAT(data_error([&] { open_dataset(options("ade20k", folder, Split::train)); }),
              HasSubstr("objectInfo150.txt: found 149 names, expected 150"));
}

TEST(Cityscapes, PairsItsTwoTrees) {
  const TemporaryDirectory folder;
  folder.write("leftImg8bit/train/aachen/aachen_1_leftImg8bit.png", image_png(1, 3));
  folder.write("gtFine/train/aachen/aachen_1_gtFine_labelTrainIds.png",
               label_png(1, 3, {0, 18, kIgnored}));
  folder.write("gtFine/train/aachen/aachen_1_gtFine_labelIds.png", label_png(1, 3, {7, 33, 0}));
  folder.write("gtFine/train/aachen/aachen_1_gtFine_polygons.json", "{}");
  folder.write("leftImg8bit/train/ulm/ulm_2_leftImg8bit.png", image_png(1, 3));
  folder.write("leftImg8bit/val/bonn/bonn_1_leftImg8bit.png", image_png(1, 3));
  EXPECT_EQ(format_of_path(folder.path()), "cityscapes");
  const auto set = open_dataset(options("cityscapes", folder, Split::train));
  ASSERT_EQ(set->size(), 1);
  EXPECT_EQ(set->num_classes(), 19);
  EXPECT_EQ(set->class_names()[11], "person");
  EXPECT_EQ(set->class_color(11), (Color{220, 20, 60}));
  EXPECT_THAT(std::get<LabelMap>(set->annotation(0)).classes, ElementsAre(0, 18, kIgnored));
  EXPECT_THAT(passed_over_of(*set, folder.path().string().size() + 1),
              ElementsAre(Pair("image without a label map",
                               ElementsAre("leftImg8bit/train/ulm/ulm_2_leftImg8bit.png"))));
  folder.write("gtFine/val/bonn/bonn_1_gtFine_labelIds.png", label_png(1, 3, {7, 33, 0}));
  EXPECT_THAT(data_error([&] { open_dataset(options("cityscapes", folder, Split::validation)); }),
              HasSubstr("found no label map of any image, expected " +
                        (folder / "gtFine/val/bonn/bonn_1_gtFine_labelTrainIds.png").string()));
}

}  // namespace
}  // namespace swin::data
