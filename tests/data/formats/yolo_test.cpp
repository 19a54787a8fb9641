#include <gmock/gmock.h>

#include "data/check.h"
#include "data/convert.h"
#include "data/formats/formats.h"
#include "tests/data/label_files.h"
#include "tests/data/test_datasets.h"

namespace swin::data {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::Pair;

// Images of 10 × 20.
class Yolo : public testing::Test {
 protected:
  void add(const std::string& image, const std::string& labels) {
    folder.write(image + ".png", image_png(10, 20));
    std::string file = image;
    if (const size_t at = ("/" + image).rfind("/images/"); at != std::string::npos)
      file.replace(at, 6, "labels");
    folder.write(file + ".txt", labels);
  }
  DatasetOptions options(Split split = Split::none, const std::string& below = "") const {
    DatasetOptions result = dataset_options("yolo", (folder / below).string());
    result.split = split;
    return result;
  }
  std::string path(const std::string& name) const { return (folder / name).string(); }
  static Objects objects(const Dataset& set, int64_t i) {
    return std::get<Objects>(set.annotation(i));
  }
  size_t skipped() const { return folder.path().string().size() + 1; }
  TemporaryDirectory folder;
};

TEST_F(Yolo, ADataFileNamesPartsAndClasses) {
  add("images/train/a", "1 0.5 0.5 0.5 0.4\n");
  add("images/train/deep/b", "0 0 0 0.5 0 0.5 0.5\n");
  add("images/val/c", "");
  folder.write("data.yaml", "path: .\ntrain: images/train\nval: images/val\nnames: [cat, dog]\n");
  folder.write("labels/train/lone.txt", "0 0.5 0.5 1 1\n");
  folder.write("labels/train.cache", "x");
  const auto set = open_dataset(options(Split::train));
  ASSERT_EQ(set->size(), 2);
  EXPECT_EQ(set->name(0), path("images/train/a.png"));
  EXPECT_THAT(set->class_names(), ElementsAre("cat", "dog"));
  const Objects box = {10, 20, {{{5, 3, 15, 7}, 1, {}, false, 40}}};
  EXPECT_EQ(set->annotation(0), Annotation(box));
  const Objects polygon = {
      10, 20, {{{0, 0, 10, 5}, 0, std::vector<Polygon>{{{0, 0}, {10, 0}, {10, 5}}}, false, 25}}};
  EXPECT_EQ(set->annotation(1), Annotation(polygon));
  EXPECT_EQ(set->num_objects(1), 1);
  EXPECT_EQ(set->size(1), (base::Size2{10, 20}));
  EXPECT_EQ(set->files().size(), 4u);
  EXPECT_EQ(set->files()[3].path, "labels/train/deep/b.txt");
  EXPECT_THAT(
      passed_over_of(*set, skipped()),
      ElementsAre(Pair("label file without an image", ElementsAre("labels/train/lone.txt"))));
  const auto validation = open_dataset(options(Split::validation, "data.yaml"));
  EXPECT_EQ(validation->size(), 1);
  EXPECT_TRUE(objects(*validation, 0).objects.empty());
  EXPECT_EQ(open_dataset(options(Split::all))->size(), 3);
  EXPECT_THAT(data_error([&] { open_dataset(options()); }),
              HasSubstr("data.yaml: found the splits train, validation in it, expected a choice"));
  EXPECT_THAT(data_error([&] { open_dataset(options(Split::test)); }),
              HasSubstr("expected test or testing"));
  for (const std::string& name : {folder.path().string(), path("data.yaml")}) {
    EXPECT_EQ(format_of_path(name), "yolo");
    EXPECT_EQ(measured_split("yolo", name), Split::validation);
  }
}

TEST_F(Yolo, SplitsThatAreNotThereAreNoChoice) {
  add("images/train/a", "0 0.5 0.5 1 1\n");
  folder.write("data.yaml",
               "train: images/train\nval: images/val\ntest: images/test\nnames: [x]\n");
  EXPECT_THAT(data_error([&] { open_dataset(options()); }),
              HasSubstr("found the split train in it, expected a choice; set the split to "
                        "\"train\""));
  EXPECT_THAT(data_error([&] { open_dataset(options(Split::validation)); }),
              HasSubstr("found val: images/val, where nothing is"));
  folder.write("data.yaml", "train: none\nval: images/val\nnames: [x]\n");
  EXPECT_THAT(data_error([&] { open_dataset(options()); }),
              HasSubstr("found the splits train, validation in it"));
}

TEST_F(Yolo, PathsAreThoseOfUltralytics) {
  add("set/train/images/a", "0 0.5 0.5 1 1\n");
  add("set/more/images/b", "0 0.5 0.5 1 1\n");
  add("set/flat/c", "0 0.5 0.5 1 1\n");
  // An export that is one folder off, a folder that moved, a list of lists.
  folder.write("set/data.yaml", "path: /gone\ntrain: [../train/images, list.txt, flat]\nnc: 1\n");
  folder.write("set/list.txt",
               "./more/images/b.png\r\n\n" + path("set/train/images/a.png") + "\nx.doc\n");
  const auto set = open_dataset(options(Split::train, "set"));
  ASSERT_EQ(set->size(), 3);
  EXPECT_EQ(set->name(1), path("set/more/images/b.png"));
  EXPECT_THAT(set->class_names(), ElementsAre("0"));
  for (int64_t i = 0; i < 3; ++i) EXPECT_EQ(set->num_objects(i), 1) << set->name(i);
  EXPECT_THAT(set->warnings(), ElementsAre(HasSubstr("found path: /gone, where no folder is")));
  EXPECT_EQ(set->passed_over().at(0).reason, "no image (.doc)");
  // Of another place than the file.
  folder.write("elsewhere/x.yaml", "path: ../set\ntrain: more/images\nnames: {0: a}\n");
  EXPECT_EQ(open_dataset(options(Split::train, "elsewhere/x.yaml"))->name(0),
            path("set/more/images/b.png"));
  folder.write("elsewhere/x.yaml", "train: more\nnames: {0: a}\n");
  EXPECT_THAT(
      data_error([&] { open_dataset(options(Split::train, "elsewhere/x.yaml")); }),
      HasSubstr("x.yaml: found train: more, where nothing is, expected a folder of images"));
}

TEST_F(Yolo, AFolderWithoutADataFile) {
  add("images/a", "2 0.5 0.5 1 1\n");
  add("images/b", "0 0.5 0.5 1 1\n");
  EXPECT_EQ(format_of_path(folder.path()), "yolo");
  EXPECT_THAT(open_dataset(options())->class_names(), ElementsAre("0", "1", "2"));
  DatasetOptions part = options();
  part.fraction_end = 0.5;
  EXPECT_EQ(open_dataset(part)->size(), 1);
  folder.write("classes.txt", "cat\ndog\n");
  EXPECT_THAT(data_error([&] { open_dataset(options()); }),
              HasSubstr("labels/a.txt:1: found the class 2, expected 0 … 1"));
  folder.write("classes.txt", "cat\ndog\ncow\n");
  const auto set = open_dataset(options());
  EXPECT_THAT(set->class_names(), ElementsAre("cat", "dog", "cow"));
  EXPECT_EQ(set->fingerprint(), open_dataset(options())->fingerprint());
  const std::string before = set->fingerprint();
  folder.write("labels/a.txt", "2 0.5 0.5 1 .5\n");
  EXPECT_NE(open_dataset(options())->fingerprint(), before);
}

TEST_F(Yolo, SplitsMayBeInFrontOfTheImages) {
  add("train/images/a", "0 0.5 0.5 1 1\n");
  add("valid/images/b", "0 0.5 0.5 1 1\n");
  EXPECT_EQ(open_dataset(options(Split::validation))->name(0), path("valid/images/b.png"));
  EXPECT_EQ(open_dataset(options(Split::all))->size(), 2);
  EXPECT_EQ(format_of_path(folder.path()), "yolo");
  EXPECT_EQ(measured_split("yolo", folder.path()), Split::validation);
}

TEST_F(Yolo, WhatNothingCanBeLearnedFromIsNamed) {
  add("images/a",
      "0 0.5 0.5 0 0.5\n0 0.5 0.5 0.04 0.5\n0 0.5 0.5 1 1\n0 0.5 0.5 1 1\n"
      "0 1.01 0.5 0.01 0.5\n0 0 0 0.5 0.5 1 1\n0 1 0.5 0.1 0.5");
  const auto set = open_dataset(options());
  EXPECT_THAT(
      passed_over_of(*set, skipped()),
      ElementsAre(Pair("object, a box of no width or height", ElementsAre("labels/a.txt:1")),
                  Pair("object, a row that is there again", ElementsAre("labels/a.txt:4"))));
  const Objects all = objects(*set, 0);
  ASSERT_EQ(all.objects.size(), 2u);
  EXPECT_EQ(all.objects[0].box, (BoundingBox{0, 0, 20, 10}));
  EXPECT_EQ(all.objects[1].box, (BoundingBox{19, 2.5, 20, 7.5}));  // cut off at the image
  const DataCheck check = check_dataset(*set);
  std::vector<std::string> reasons;
  for (const PassedOver& one : check.left_out)
    for (const std::string& name : one.names)
      reasons.push_back(one.reason + name.substr(skipped()));
  EXPECT_THAT(reasons, ElementsAre("object, a box of less than 1 pixellabels/a.txt:2",
                                   "object, a box of less than 1 pixellabels/a.txt:5",
                                   "object, an area that is not above 0labels/a.txt:6"));
  EXPECT_THAT(set->warnings(),
              ElementsAre(HasSubstr("found 1 label files with boxes and polygons")));
}

TEST_F(Yolo, ImagesWithoutLabelsHaveNoObjects) {
  add("images/a", "0 0.5 0.5 1 1\n");
  add("images/c", "");
  folder.write("images/b.png", image_png(10, 20));
  const auto set = open_dataset(options());
  ASSERT_EQ(set->size(), 3);
  EXPECT_TRUE(objects(*set, 1).objects.empty());
  EXPECT_TRUE(objects(*set, 2).objects.empty());
  EXPECT_THAT(set->warnings(), ElementsAre(HasSubstr("found 1 images without a label file")));
  DatasetOptions some = options();
  some.keep_empty = false;
  EXPECT_EQ(open_dataset(some)->size(), 1);
  EXPECT_THAT(
      passed_over_of(*open_dataset(some), skipped()),
      ElementsAre(Pair("image without objects", ElementsAre("images/b.png", "images/c.png"))));
  std::filesystem::remove_all(folder / "labels");
  EXPECT_THAT(data_error([&] { open_dataset(options()); }),
              HasSubstr("images/a.png: found no label file of any of 3 images"));
}

TEST_F(Yolo, LabelMapsAreOfPolygons) {
  add("images/a", "0 0 0 0.5 0 0.5 1 0 1\n1 0.25 0 1 0 1 0.5 0.25 0.5\n");
  DatasetOptions maps = options();
  maps.annotation = AnnotationKind::label_map;
  const auto set = open_dataset(maps);
  EXPECT_THAT(set->class_names(), ElementsAre("background", "0", "1"));
  const auto map = std::get<LabelMap>(set->annotation(0));
  const auto at = [&](size_t row, size_t column) { return map.classes[row * 20 + column]; };
  EXPECT_EQ(at(0, 0), 1);
  EXPECT_EQ(at(0, 7), 2);  // the later one is on top
  EXPECT_EQ(at(9, 7), 1);
  EXPECT_EQ(at(9, 15), 0);
  add("images/a", "0 0.5 0.5 1 1\n");
  EXPECT_THAT(data_error([&] { open_dataset(maps)->annotation(0); }),
              HasSubstr("labels/a.txt: found no mask of object 1"));
}

TEST_F(Yolo, ConvertedObjectsAreTheSame) {
  add("images/a", "0 0 0 0.5 0 0.5 1 0 1\n");
  add("images/b", "1 0.5 0.5 0.5 0.4\n");
  add("images/c", "");
  folder.write("classes.txt", "cat\ndog\n");
  const auto set = open_dataset(options());
  convert_dataset(nullptr, set.get(), folder / "out");
  const auto coco = open_dataset(dataset_options("coco", folder / "out/annotations.json"));
  EXPECT_EQ(coco->class_names(), set->class_names());
  ASSERT_EQ(coco->size(), 3);
  for (int64_t i = 0; i < 3; ++i) {
    EXPECT_EQ(coco->annotation(i), set->annotation(i));
    EXPECT_EQ(coco->load(i), set->load(i));
  }
}

TEST_F(Yolo, LongOutlinesAreNamedWithTheirLine) {
  std::string row = "\n0";
  for (int i = 0; i < 2000; ++i) row += i % 2 == 0 ? " 0 0" : " 1 1";
  add("images/a", row);
  EXPECT_THAT(data_error([&] { open_dataset(options())->annotation(0); }),
              HasSubstr("labels/a.txt:2: polygon: found an outline of"));
}

TEST_F(Yolo, ImagesThatExifTurnsNeedTheOption) {
  const Image stored = decode_image(image_bytes("exif_6.jpg"), "", 3);
  folder.write("images/a.jpg", image_bytes("exif_6.jpg"));
  folder.write("labels/a.txt", "0 0.5 0.5 1 1\n");
  const DataCheck check = check_dataset(*open_dataset(options()));
  ASSERT_EQ(check.bad.size(), 1u);
  EXPECT_THAT(check.bad[0].error, HasSubstr("set preprocess.exif_orientation to true"));
  DatasetOptions turned = options();
  turned.decode.exif_orientation = true;
  const auto set = open_dataset(turned);
  EXPECT_EQ(set->size(0), (base::Size2{stored.width, stored.height}));
  EXPECT_TRUE(check_dataset(*set).bad.empty());
}

}  // namespace
}  // namespace swin::data
