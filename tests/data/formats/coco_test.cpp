#include <gmock/gmock.h>

#include "data/coco_file.h"
#include "data/formats/formats.h"
#include "tests/data/label_files.h"
#include "tests/data/test_datasets.h"

namespace swin::data {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::Pair;

// Three images of 4 × 4; categories with gaps between their ids.
class Coco : public testing::Test {
 protected:
  Coco() {
    for (const char* name : {"a", "b", "c"})
      folder.write("images/" + std::string(name) + ".png", image_png(4, 4));
  }
  static std::string image(int64_t id, const std::string& name) {
    return R"({"id": )" + std::to_string(id) + R"(, "file_name": ")" + name +
           R"(.png", "height": 4, "width": 4})";
  }
  // An annotation of a rectangle of whole pixels.
  static std::string square(int64_t id, int64_t image, int64_t category, int64_t x, int64_t y,
                            int64_t width, int64_t height, const std::string& more = "") {
    const auto number = [](int64_t value) { return std::to_string(value); };
    const std::string r = number(x + width), b = number(y + height), l = number(x), t = number(y);
    return R"({"id": )" + number(id) + R"(, "image_id": )" + number(image) +
           R"(, "category_id": )" + number(category) + R"(, "bbox": [)" + l + "," + t + "," +
           number(width) + "," + number(height) + R"(], "area": )" + number(width * height) +
           R"(, "segmentation": [[)" + l + "," + t + "," + r + "," + t + "," + r + "," + b + "," +
           l + "," + b + "]]" + more + "}";
  }
  std::string write(const std::string& annotations) const {
    const std::string images = image(7, "a") + "," + image(3, "b") + "," + image(5, "c");
    return folder
        .write("list.json", R"({"images": [)" + images + R"(], "annotations": [)" + annotations +
                                R"(], "categories": [{"id": 9, "name": "dog"},)" +
                                R"( {"id": 2, "name": "cat"}]})")
        .string();
  }
  DatasetOptions options(const std::string& list) const { return dataset_options("coco", list); }
  TemporaryDirectory folder;
};

TEST_F(Coco, ReadsObjectsByImage) {
  const auto set =
      open_dataset(options(write(square(1, 7, 9, 0, 0, 2, 2) + "," + square(2, 5, 2, 1, 1, 3, 2) +
                                 "," + square(3, 7, 2, 2, 2, 2, 2))));
  ASSERT_EQ(set->size(), 3);  // in the order of the list, with those without objects
  EXPECT_EQ(set->name(0), (folder / "images/a.png").string());
  EXPECT_THAT(set->class_names(), ElementsAre("cat", "dog"));  // by ascending id
  const auto first = std::get<Objects>(set->annotation(0));
  ASSERT_EQ(first.objects.size(), 2u);
  EXPECT_EQ(first.objects[0].class_index, 1);
  EXPECT_EQ(first.objects[0].box, (BoundingBox{0, 0, 2, 2}));
  EXPECT_EQ(set->num_objects(0), 2);
  EXPECT_EQ(set->num_objects(1), 0);
  EXPECT_EQ(set->size(2), (base::Size2{4, 4}));
  EXPECT_EQ(set->files().size(), 4u);
  EXPECT_EQ(set->image_id(0), CocoId{7});
  EXPECT_EQ(set->image_id(1), CocoId{3});
  EXPECT_EQ(set->category_id(1), 9);
  DatasetOptions half = options((folder / "list.json").string());
  half.fraction_begin = 0.4;
  const auto part = open_dataset(half);
  ASSERT_LT(part->size(), 3);
  for (int64_t i = 0; i < part->size(); ++i)
    for (int64_t k = 0; k < 3; ++k)
      EXPECT_EQ(part->name(i) == set->name(k), part->image_id(i) == set->image_id(k));
  EXPECT_EQ(part->category_id(0), 2);
  EXPECT_EQ(set->files()[3].path, "list.json");
  EXPECT_EQ(format_of_path((folder / "list.json").string()), "coco");
}

TEST_F(Coco, TwoCategoriesOfOneNameAreRefused) {
  const std::string list = write(square(1, 7, 9, 0, 0, 2, 2));
  const auto with_name = [&](const std::string& name) {
    std::string text = swin::test::read_text(list);
    text.replace(text.find("\"cat\""), 5, '"' + name + '"');
    folder.write("other.json", text);
    return options((folder / "other.json").string());
  };
  EXPECT_EQ(data_error([&] { open_dataset(with_name("dog")); }),
            (folder / "other.json").string() +
                ": categories: found the name dog of the ids 2 and 9, expected each name once: "
                "classes are told apart by it; rename one of them, or make them one category");
  EXPECT_EQ(open_dataset(with_name("Dog"))->num_classes(), 2);
}

TEST_F(Coco, LabelMapsAreOfTheLastObjectOnTop) {
  DatasetOptions from =
      options(write(square(1, 7, 9, 0, 0, 2, 2) + "," + square(2, 7, 2, 1, 1, 2, 2) + "," +
                    square(3, 7, 2, 0, 3, 4, 1, R"(, "iscrowd": 1)")));
  from.annotation = AnnotationKind::label_map;
  const auto set = open_dataset(from);
  EXPECT_THAT(set->class_names(), ElementsAre("background", "cat", "dog"));
  EXPECT_THAT(std::get<LabelMap>(set->annotation(0)).classes, ElementsAre(2, 2, 0, 0,  //
                                                                          2, 1, 1, 0,  //
                                                                          0, 1, 1, 0,  //
                                                                          0, 0, 0, 0));
}

TEST_F(Coco, WhatNothingCanBeLearnedFromIsPassedOver) {
  const std::string list = write(square(1, 7, 9, 0, 0, 2, 2) + "," + square(2, 7, 8, 0, 0, 2, 2) +
                                 "," + square(4, 7, 9, 1, 1, 0, 2));
  const auto set = open_dataset(options(list));
  EXPECT_EQ(set->num_objects(0), 1);
  std::vector<std::string> names;
  for (const PassedOver& passed : set->passed_over())
    for (const std::string& name : passed.names) names.push_back(passed.reason + ": " + name);
  ASSERT_EQ(names.size(), 2u);
  EXPECT_THAT(names[0], HasSubstr("annotations[2] (id 4)"));
  EXPECT_THAT(names[1], HasSubstr("annotations[1] (id 2)"));
  DatasetOptions from = options(list);
  from.keep_empty = false;
  EXPECT_EQ(open_dataset(from)->size(), 1);
}

TEST_F(Coco, AListWithoutAUsableAnnotationIsAnError) {
  EXPECT_THAT(data_error([&] { open_dataset(options(write(square(1, 7, 8, 0, 0, 2, 2)))); }),
              HasSubstr("list.json: found 1 annotations, none without a fault"));
  EXPECT_EQ(open_dataset(options(write("")))->warnings().size(), 1u);
}

TEST_F(Coco, ImagesLieBesideTheListOrWhereTheConfigSays) {
  const std::string list = write(square(1, 7, 9, 0, 0, 2, 2));
  std::filesystem::rename(folder / "images", folder / "elsewhere");
  DatasetOptions from = options(list);
  from.field = "data.train";
  EXPECT_THAT(data_error([&] { open_dataset(from); }),
              testing::AllOf(HasSubstr("found no image a.png in "),
                             HasSubstr("set data.train.images to their folder")));
  from.images = (folder / "elsewhere").string();
  EXPECT_EQ(open_dataset(from)->load(0).width, 4);
  // As COCO's archives are unpacked.
  std::filesystem::create_directory(folder / "annotations");
  std::filesystem::rename(folder / "list.json", folder / "annotations/instances_val2017.json");
  std::filesystem::rename(folder / "elsewhere", folder / "val2017");
  const auto set = open_dataset(options((folder / "annotations/instances_val2017.json").string()));
  EXPECT_EQ(set->name(0), (folder / "val2017/a.png").string());
}

TEST_F(Coco, BoxesAloneGiveNoLabelMap) {
  DatasetOptions from = options(
      write(R"({"id": 6, "image_id": 7, "category_id": 9, "bbox": [0, 0, 2, 2], "area": 4})"));
  EXPECT_EQ(open_dataset(from)->num_objects(0), 1);
  from.annotation = AnnotationKind::label_map;
  EXPECT_THAT(data_error([&] { open_dataset(from)->annotation(0); }),
              HasSubstr("annotations[0] (id 6): found no segmentation"));
}

}  // namespace
}  // namespace swin::data
