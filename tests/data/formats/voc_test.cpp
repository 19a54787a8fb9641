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

// Images of 4 × 6.
class Voc : public testing::Test {
 protected:
  static std::string object(const std::string& name, const std::array<int, 4>& box,
                            const std::string& more = "") {
    const auto field = [](const std::string& tag, int value) {
      return "<" + tag + ">" + std::to_string(value) + "</" + tag + ">";
    };
    return "<object>\n<name>" + name + "</name>" + more + "<bndbox>" + field("xmin", box[0]) +
           field("ymin", box[1]) + field("xmax", box[2]) + field("ymax", box[3]) +
           "</bndbox></object>\n";
  }
  void annotate(const std::string& file, const std::string& objects,
                const std::string& size = "<width>6</width><height>4</height>") {
    folder.write(file, "<annotation><size>" + size + "</size>\n" + objects + "</annotation>");
  }
  void add(const std::string& name, const std::string& objects) {
    folder.write("JPEGImages/" + name + ".jpg", image_png(4, 6));
    annotate("Annotations/" + name + ".xml", objects);
  }
  DatasetOptions options(Split split = Split::none) const {
    DatasetOptions result = dataset_options("voc", folder.path());
    result.split = split;
    return result;
  }
  std::string path(const std::string& name) const { return (folder / name).string(); }
  Objects objects(const Dataset& set, int64_t i) const {
    return std::get<Objects>(set.annotation(i));
  }
  size_t skipped() const { return folder.path().string().size() + 1; }
  TemporaryDirectory folder;
};

TEST_F(Voc, ListsSayWhichImagesASplitHas) {
  add("a", object("dog", {1, 1, 6, 4}));
  add("b", object("cat", {2, 3, 2, 3}) + object("dog", {1, 1, 3, 3}));
  add("c", "");
  folder.write("ImageSets/Main/train.txt", "b\r\n\na  -1\nb\n");
  folder.write("ImageSets/Main/val.txt", "c.jpg\n");
  const auto set = open_dataset(options(Split::train));
  ASSERT_EQ(set->size(), 2);
  EXPECT_EQ(set->name(0), path("JPEGImages/b.jpg"));
  EXPECT_EQ(set->annotation_kind(), AnnotationKind::objects);
  EXPECT_THAT(set->class_names(), ElementsAre("cat", "dog"));
  EXPECT_EQ(set->num_objects(0), 2);
  // One pixel, then nine, both with the last one included.
  const Objects expected = {
      4, 6, {{{1, 2, 2, 3}, 0, {}, false, 1}, {{0, 0, 3, 3}, 1, {}, false, 9}}};
  EXPECT_EQ(set->annotation(0), Annotation(expected));
  EXPECT_EQ(set->size(1), (base::Size2{4, 6}));
  EXPECT_EQ(set->files().size(), 4u);
  EXPECT_EQ(set->files()[2].path, "Annotations/b.xml");
  EXPECT_TRUE(set->warnings().empty());
  // The classes are those of all splits.
  const auto validation = open_dataset(options(Split::validation));
  EXPECT_THAT(validation->class_names(), ElementsAre("cat", "dog"));
  EXPECT_EQ(validation->num_objects(0), 0);
  EXPECT_EQ(open_dataset(options(Split::all))->size(), 3);
  EXPECT_NE(validation->fingerprint(), set->fingerprint());
  EXPECT_THAT(data_error([&] { open_dataset(options()); }),
              HasSubstr("found the splits train.txt, val.txt in it, expected a choice"));
  EXPECT_THAT(data_error([&] { open_dataset(options(Split::test)); }),
              HasSubstr("found the splits train.txt, val.txt in it, expected test or testing"));
  EXPECT_EQ(format_of_path(folder.path()), "voc");
  EXPECT_EQ(measured_split("voc", folder.path()), Split::validation);
}

TEST_F(Voc, WithoutListsAllFilesCountAndFractionsCutThem) {
  for (const char* name : {"a", "b", "c", "d"}) add(name, object("dog", {1, 1, 6, 4}));
  folder.write("JPEGImages/e.png", image_png(4, 6));
  folder.write("Annotations/f.json", "{}");
  const auto set = open_dataset(options());
  EXPECT_EQ(set->size(), 4);
  EXPECT_THAT(
      passed_over_of(*set, skipped()),
      ElementsAre(Pair("image without an annotation file", ElementsAre("JPEGImages/e.png")),
                  Pair("no XML beside the annotations", ElementsAre("Annotations/f.json"))));
  DatasetOptions part = options();
  part.fraction_end = 0.75;
  EXPECT_EQ(open_dataset(part)->size(), 3);
  EXPECT_THAT(data_error([&] { open_dataset(options(Split::train)); }),
              HasSubstr("found no list of a split in it, expected train or training"));
}

TEST_F(Voc, WhatNothingCanBeLearnedFromIsPassedOverByReason) {
  add("a", object("dog", {1, 1, 6, 4}) + object("dog", {5, 1, 4, 4}) + object("dog", {6, 1, 3, 4}) +
               object("dog", {7, 1, 9, 4}) + "<object><name>cat</name></object>" +
               object("dog", {-2, 3, 9, 9}));
  folder.write("ImageSets/Main/train.txt", "a\nz\n");
  const auto set = open_dataset(options(Split::train));
  EXPECT_EQ(set->num_objects(0), 2);
  const Objects all = objects(*set, 0);
  ASSERT_EQ(all.objects.size(), 2u);
  EXPECT_EQ(all.objects[1].box, (BoundingBox{-3, 2, 9, 9}));  // as it is, where it touches
  EXPECT_THAT(passed_over_of(*set, skipped()),
              ElementsAre(Pair("listed, without an image and an annotation file",
                               ElementsAre("ImageSets/Main/train.txt:2: z")),
                          Pair("object, a box of no width or height",
                               ElementsAre("Annotations/a.xml:4: dog", "Annotations/a.xml:6: dog")),
                          Pair("object, a box outside of its image",
                               ElementsAre("Annotations/a.xml:8: dog")),
                          Pair("object, no bbox", ElementsAre("Annotations/a.xml:10: cat"))));
}

TEST_F(Voc, DifficultObjectsAreCrowdsUnlessTheyAreKept) {
  add("a", object("dog", {1, 1, 6, 4}, "<difficult>1</difficult>"));
  EXPECT_EQ(open_dataset(options())->num_objects(0), 0);
  EXPECT_TRUE(objects(*open_dataset(options()), 0).objects.at(0).crowd);
  DatasetOptions kept = options();
  kept.keep_difficult = true;
  EXPECT_EQ(open_dataset(kept)->num_objects(0), 1);
  EXPECT_FALSE(objects(*open_dataset(kept), 0).objects.at(0).crowd);
  kept.keep_difficult = kept.keep_empty = false;
  EXPECT_THAT(data_error([&] { open_dataset(kept); }), HasSubstr("found no image with objects"));
}

TEST_F(Voc, SizesComeFromTheImageWhereTheFileDoesNotSay) {
  add("a", object("dog", {1, 1, 6, 4}));
  annotate("Annotations/a.xml", object("dog", {1, 1, 6, 4}), "<width>0</width><height>0</height>");
  EXPECT_EQ(open_dataset(options())->size(0), (base::Size2{4, 6}));
  // A wrong size is named where the image is loaded.
  annotate("Annotations/a.xml", object("dog", {1, 1, 4, 4}), "<width>4</width><height>6</height>");
  const DataCheck check = check_dataset(*open_dataset(options()));
  ASSERT_EQ(check.bad.size(), 1u);
  EXPECT_THAT(check.bad[0].error,
              HasSubstr("a.jpg: found objects in an image of 6 × 4 pixels, expected the 4 × 6"));
}

TEST_F(Voc, TurnedImagesHaveTurnedObjects) {
  const Image stored = decode_image(image_bytes("exif_6.jpg"), "", 3);
  folder.write("JPEGImages/a.jpg", image_bytes("exif_6.jpg"));
  annotate("Annotations/a.xml", object("dog", {1, 1, 2, 2}),
           "<width>" + std::to_string(stored.height) + "</width><height>" +
               std::to_string(stored.width) + "</height>");
  EXPECT_THAT(check_dataset(*open_dataset(options())).bad.at(0).error,
              HasSubstr("set preprocess.exif_orientation"));
  DatasetOptions turned = options();
  turned.decode.exif_orientation = true;
  EXPECT_TRUE(check_dataset(*open_dataset(turned)).bad.empty());
}

TEST_F(Voc, ObjectsTakeTheMasksThatFitTheirBoxesBest) {
  add("a", object("dog", {1, 1, 3, 2}) + object("cat", {4, 1, 6, 3}) + object("cow", {1, 4, 1, 4}));
  // 9 is the cat although the dog comes first; 7 is of no object.
  folder.write("SegmentationObject/a.png", label_png(4, 6, {2, 2, 65535, 9, 9, 9,  //
                                                            2, 2, 65535, 9, 9, 9,  //
                                                            0, 0, 65535, 0, 0, 9,  //
                                                            0, 0, 0,     0, 7, 7}));
  const auto set = open_dataset(options());
  const Objects all = objects(*set, 0);
  ASSERT_EQ(all.objects.size(), 3u);
  EXPECT_EQ(all.objects[0].mask, Mask(RunLengths{4, 6, {0, 2, 2, 2, 18}}));
  EXPECT_EQ(all.objects[0].area, 4);
  EXPECT_EQ(all.objects[0].box, (BoundingBox{0, 0, 3, 2}));  // that of the XML
  EXPECT_EQ(all.objects[1].mask, Mask(RunLengths{4, 6, {12, 2, 2, 2, 2, 3, 1}}));
  EXPECT_EQ(all.objects[2].mask, Mask());
  const DataCheck check = check_dataset(*set);
  EXPECT_EQ(check.objects.without_mask, 1);
  ASSERT_EQ(check.left_out.size(), 1u);
  EXPECT_EQ(check.left_out[0].reason, "mask without an object");
  EXPECT_THAT(check.left_out[0].names, ElementsAre(path("SegmentationObject/a.png") + ": value 7"));
  EXPECT_EQ(set->files().size(), 3u);
  folder.write("SegmentationObject/a.png", label_png(1, 2, {0, 1}));
  EXPECT_THAT(data_error([&] { open_dataset(options())->annotation(0); }),
              HasSubstr("a.png: found masks of 1 × 2 pixels, expected the 4 × 6 of the image"));
}

TEST_F(Voc, ClassesOfPixelsAreThoseOfSegmentationClass) {
  add("a", object("dog", {1, 1, 3, 2}));
  add("b", object("dog", {1, 1, 3, 2}));
  std::vector<uint16_t> values(24, 0);
  values[0] = 20, values[1] = 65535;
  folder.write("SegmentationClass/a.png", label_png(4, 6, values));
  folder.write("ImageSets/Main/train.txt", "a\nb\n");
  folder.write("ImageSets/Segmentation/train.txt", "a\n");
  DatasetOptions maps = options(Split::train);
  maps.annotation = AnnotationKind::label_map;
  const auto set = open_dataset(maps);
  ASSERT_EQ(set->size(), 1);
  EXPECT_EQ(set->num_classes(), 21);
  EXPECT_EQ(set->class_names()[20], "tvmonitor");
  EXPECT_EQ(set->annotation(0), Annotation(LabelMap{4, 6, values}));
  folder.write("classes.txt", "dog\ncat\n");
  EXPECT_THAT(open_dataset(maps)->class_names(), ElementsAre("background", "dog", "cat"));
  EXPECT_THAT(data_error([&] { open_dataset(maps)->annotation(0); }),
              HasSubstr("a.png: found the value 20 in column 0 of row 0, expected 0 … 2"));
  // Objects that need masks are those of the segmentation, too.
  DatasetOptions masks = options(Split::train);
  EXPECT_EQ(open_dataset(masks)->size(), 2);
  masks.masks = true;
  EXPECT_EQ(open_dataset(masks)->size(), 1);
}

TEST_F(Voc, LabelMapsOfMasksWithoutSegmentationClass) {
  add("a", object("dog", {1, 1, 3, 2}) + object("cat", {4, 1, 6, 3}));
  std::vector<uint16_t> values(24, 0);
  for (const size_t p : {0, 1, 2, 6, 7, 8}) values[p] = 1;
  for (const size_t p : {3, 4, 5, 9, 10, 11}) values[p] = 2;
  folder.write("SegmentationObject/a.png", label_png(4, 6, values));
  DatasetOptions maps = options();
  maps.annotation = AnnotationKind::label_map;
  const auto set = open_dataset(maps);
  EXPECT_THAT(set->class_names(), ElementsAre("background", "cat", "dog"));
  for (uint16_t& value : values) value = value == 0 ? 0 : 3 - value;
  EXPECT_EQ(set->annotation(0), Annotation(LabelMap{4, 6, values}));
  std::filesystem::remove(folder / "SegmentationObject/a.png");
  EXPECT_THAT(data_error([&] { open_dataset(maps)->annotation(0); }),
              HasSubstr("a.xml: found no mask of object 1"));
}

TEST_F(Voc, ConvertedObjectsAreTheSame) {
  add("a", object("dog", {1, 1, 3, 2}) + object("cat", {4, 1, 6, 3}, "<difficult>1</difficult>"));
  std::vector<uint16_t> values(24, 0);
  values[0] = values[1] = values[2] = values[6] = 1;
  folder.write("SegmentationObject/a.png", label_png(4, 6, values));
  const auto set = open_dataset(options());
  convert_dataset(nullptr, set.get(), folder / "out");
  const auto coco = open_dataset(dataset_options("coco", folder / "out/annotations.json"));
  EXPECT_EQ(coco->class_names(), set->class_names());
  EXPECT_EQ(coco->annotation(0), set->annotation(0));
  EXPECT_EQ(coco->num_objects(0), 1);
}

TEST_F(Voc, FilesBesideTheirImages) {
  for (const char* name : {"train/a", "valid/b"}) {
    folder.write(std::string(name) + ".png", image_png(4, 6));
    annotate(std::string(name) + ".xml", object("dog", {1, 1, 6, 4}));
  }
  const auto set = open_dataset(options(Split::train));
  ASSERT_EQ(set->size(), 1);
  EXPECT_EQ(set->name(0), path("train/a.png"));
  EXPECT_EQ(open_dataset(options(Split::all))->size(), 2);
  EXPECT_EQ(format_of_path(folder.path()), "voc");
  EXPECT_EQ(measured_split("voc", folder.path()), Split::validation);
}

TEST_F(Voc, MistakesAreNamed) {
  EXPECT_THAT(data_error([&] { open_dataset(options()); }), HasSubstr("found no image"));
  add("a", "");
  EXPECT_THAT(data_error([&] { open_dataset(options()); }),
              HasSubstr("found no object in its 1 annotation files"));
  folder.write("classes.txt", "cat\n");
  EXPECT_EQ(open_dataset(options())->num_classes(), 1);
  annotate("Annotations/a.xml", object("dog", {1, 1, 2, 2}));
  EXPECT_THAT(data_error([&] { open_dataset(options()); }),
              HasSubstr("Annotations/a.xml:2: found the class dog, expected one of the 1 of "
                        "classes.txt; add it to classes.txt"));
  folder.write("Annotations/a.xml", "<annotation>");
  EXPECT_THAT(data_error([&] { open_dataset(options()); }), HasSubstr("a.xml:1: found no XML"));
  add("a", object("cat", {0, 1, 2, 2}));
  EXPECT_THAT(open_dataset(options())->warnings(),
              ElementsAre(HasSubstr("found 1 objects whose xmin or ymin is 0")));
  folder.write("JPEGImages/a.png", image_png(4, 6));
  EXPECT_THAT(data_error([&] { open_dataset(options()); }),
              HasSubstr("found a second file of one name"));
  const TemporaryDirectory above;
  above.write("VOC2007/Annotations/a.xml", "<annotation/>");
  above.write("VOC2007/JPEGImages/a.png", image_png(4, 6));
  EXPECT_THAT(data_error([&] { open_dataset(dataset_options("voc", above.path())); }),
              HasSubstr("found the folder VOC2007 of VOC in it"));
}

}  // namespace
}  // namespace swin::data
