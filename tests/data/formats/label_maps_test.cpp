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

std::vector<uint16_t> classes(const Dataset& set, int64_t i = 0) {
  return std::get<LabelMap>(set.annotation(i)).classes;
}

class LabelMaps : public testing::Test {
 protected:
  // An image of 1 × n and its label map.
  void add(const std::string& name, const Bytes& map, int64_t pixels,
           const std::string& maps = "masks") {
    folder.write("images/" + name + ".png", image_png(1, pixels));
    folder.write(maps + "/" + name + ".png", map);
  }
  void add(const std::string& name, const std::vector<uint16_t>& labels) {
    const auto pixels = static_cast<int64_t>(labels.size());
    add(name, label_png(1, pixels, labels), pixels);
  }
  DatasetOptions options(Split split = Split::none) const {
    DatasetOptions result = dataset_options("label_maps", folder.path());
    result.split = split;
    return result;
  }
  std::string error(const DatasetOptions& from) const {
    return data_error([&] { open_dataset(from); });
  }
  // The error of reading the first label map.
  std::string map_error(const DatasetOptions& from) const {
    const auto set = open_dataset(from);
    return data_error([&] { set->annotation(0); });
  }
  std::string path(const std::string& name) const { return (folder / name).string(); }
  TemporaryDirectory folder;
};

TEST_F(LabelMaps, ReadsPairsByName) {
  add("b", {0, 2, kIgnored});
  add("a", {1, 1});
  add("deep/c", {0});
  const auto set = open_dataset(options());
  ASSERT_EQ(set->size(), 3);
  EXPECT_EQ(set->annotation_kind(), AnnotationKind::label_map);
  EXPECT_EQ(set->name(0), path("images/a.png"));
  EXPECT_EQ(set->name(2), path("images/deep/c.png"));
  EXPECT_THAT(classes(*set, 1), ElementsAre(0, 2, kIgnored));
  // Nothing says how many classes there are: as many as the largest value needs.
  EXPECT_THAT(set->class_names(), ElementsAre("0", "1", "2"));
  EXPECT_EQ(set->load(1).width, 3);
  EXPECT_EQ(set->stratum(1), 0);
  // The images, then the label maps.
  ASSERT_EQ(set->files().size(), 6u);
  EXPECT_EQ(set->files()[0].path, "images/a.png");
  EXPECT_EQ(set->files()[4].path, "masks/b.png");
  EXPECT_EQ(format_of_path(folder.path()), "label_maps");
}

TEST_F(LabelMaps, ClassesComeFromAListOrTheOptions) {
  add("a", {0, 1});
  DatasetOptions from = options();
  from.num_classes = 5;
  EXPECT_EQ(open_dataset(from)->num_classes(), 5);
  folder.write("classes.txt", "sky\nroad\n");
  EXPECT_THAT(open_dataset(from)->class_names(), ElementsAre("sky", "road"));
}

TEST_F(LabelMaps, IgnoredAndReducedValues) {
  add("a", {0, 1, 2, 7, kIgnored});
  DatasetOptions from = options();
  EXPECT_EQ(open_dataset(from)->num_classes(), 8);
  from.ignore_index = 7;
  from.num_classes = 256;
  EXPECT_THAT(classes(*open_dataset(from)), ElementsAre(0, 1, 2, kIgnored, 255));
  from = options();
  from.reduce_zero_label = true;
  const auto set = open_dataset(from);
  EXPECT_EQ(set->num_classes(), 7);
  EXPECT_THAT(classes(*set), ElementsAre(kIgnored, 0, 1, 6, kIgnored));
}

TEST_F(LabelMaps, AValueBeyondTheClassesIsNamed) {
  add("a", label_png(2, 2, {0, 1, 9, 1}), 4);
  DatasetOptions from = options();
  from.num_classes = 3;
  EXPECT_EQ(map_error(from),
            path("masks/a.png") +
                std::string(": found the value 9 in column 0 of row 1, expected 0 … 2, or 255 for "
                            "what is ignored; correct it or data.ignore_index, or before "
                            "training model.num_classes (`swin data check` counts the values)"));
  from.reduce_zero_label = true;
  EXPECT_THAT(map_error(from), HasSubstr("expected 1 … 3, or 0 and 255 for what is ignored"));
}

TEST_F(LabelMaps, ColorsNeedATable) {
  add("a", color_png({{255, 0, 0}, {0, 0, 255}, {255, 0, 0}}), 3);
  DatasetOptions from = options();
  from.num_classes = 2;
  EXPECT_EQ(map_error(from),
            path("masks/a.png") +
                std::string(": found a PNG of colors ([255,0,0], [0,0,255]), expected gray or a "
                            "palette, whose values are classes; set data.colors to the colors of "
                            "the classes, from 0 on, or save it as gray"));
  from.num_classes = 0;
  from.colors = {{0, 0, 255}, {1, 2, 3}, {255, 0, 0}};
  const auto set = open_dataset(from);
  EXPECT_EQ(set->num_classes(), 3);
  EXPECT_THAT(classes(*set), ElementsAre(2, 0, 2));
  EXPECT_EQ(set->class_color(2), (Color{255, 0, 0}));
  from.colors.pop_back();
  EXPECT_THAT(map_error(from), HasSubstr("found the color [255,0,0] in column 0 of row 0, expected "
                                         "one of the 2 of data.colors"));
}

TEST_F(LabelMaps, DepthsAndAnimations) {
  const std::vector<uint16_t> large = {300, 0, 65535, 7};
  folder.write("images/a.png", image_png(2, 2));
  folder.write("masks/a.png", encode_label_png(2, 2, large, kIgnored, {}));
  DatasetOptions from = options();
  from.ignore_index = 65535;
  const auto set = open_dataset(from);
  EXPECT_EQ(set->num_classes(), 301);
  EXPECT_THAT(classes(*set), ElementsAre(300, 0, kIgnored, 7));
}

TEST_F(LabelMaps, OddFoldersAreNamed) {
  EXPECT_THAT(error(options()), HasSubstr("expected images/ and one of masks, annotations or "
                                          "labels"));
  folder.write("images/a.png", image_png(1, 1));
  folder.write("masks/a_mask.png", label_png(1, 1, {0}));
  EXPECT_EQ(error(options()), path("images/a.png") +
                                  std::string(": found no label map of any image, expected ") +
                                  path("masks/a.png") + "; name the label maps as their images");
  add("a", {0, 1});
  folder.write("images/b.jpg", image_bytes("gray.jpg"));
  folder.write("images/notes.txt", "x");
  folder.write("images/.hidden.png", "x");
  folder.write("masks/c.jpg", "x");
  const auto set = open_dataset(options());
  EXPECT_EQ(set->size(), 1);
  const size_t root = folder.path().string().size() + 1;
  EXPECT_THAT(passed_over_of(*set, root),
              ElementsAre(Pair("hidden", ElementsAre("images/.hidden.png")),
                          Pair("image without a label map", ElementsAre("images/b.jpg")),
                          Pair("label map without an image", ElementsAre("masks/a_mask.png")),
                          Pair("no PNG beside the label maps", ElementsAre("masks/c.jpg")),
                          Pair("no image (.txt)", ElementsAre("images/notes.txt"))));
  folder.write("images/a.jpg", image_bytes("gray.jpg"));
  EXPECT_THAT(error(options()), HasSubstr("found a second image of one name"));
  folder.write("labels/a.png", label_png(1, 1, {0}));
  EXPECT_THAT(error(options()), HasSubstr("found the folders masks, labels, expected one of them"));
}

TEST_F(LabelMaps, SplitsAreFolders) {
  folder.write("images/train/a.png", image_png(1, 2));
  folder.write("annotations/training/a.png", label_png(1, 2, {0, 1}));
  folder.write("images/val/b.png", image_png(1, 2));
  folder.write("annotations/val/b.png", label_png(1, 2, {0, 2}));
  EXPECT_EQ(open_dataset(options(Split::train))->name(0), path("images/train/a.png"));
  const auto held_out = open_dataset(options(Split::validation));
  EXPECT_EQ(held_out->name(0), path("images/val/b.png"));
  EXPECT_THAT(classes(*held_out), ElementsAre(0, 2));
  DatasetOptions none = options();
  none.field = "data.train";
  EXPECT_EQ(error(none), "data.train: " + path("images") +
                             ": found the splits train, val in it, expected a choice; set "
                             "data.train.split to \"train\" or \"validation\"");
  EXPECT_THAT(error(options(Split::test)),
              HasSubstr("found the splits train, val in it, expected test or testing"));
}

TEST_F(LabelMaps, AllSplitsAtOnce) {
  for (const char* split : {"train", "val"}) {
    folder.write(std::string("images/") + split + "/a.png", image_png(1, 2));
    folder.write(std::string("masks/") + split + "/a.png", label_png(1, 2, {0, 1}));
  }
  EXPECT_EQ(open_dataset(options(Split::all))->size(), 2);
}

TEST_F(LabelMaps, FractionsOfAnUnsplitSetAreDisjoint) {
  for (int i = 0; i < 8; ++i) add(std::to_string(i), {0, 1});
  DatasetOptions train = options(), held_out = options();
  train.fraction_end = held_out.fraction_begin = 0.75;
  const auto a = open_dataset(train), b = open_dataset(held_out);
  EXPECT_EQ(a->size(), 6);
  ASSERT_EQ(b->size(), 2);
  EXPECT_EQ(a->annotation_kind(), AnnotationKind::label_map);
  for (int64_t i = 0; i < a->size(); ++i)
    for (int64_t j = 0; j < b->size(); ++j) EXPECT_NE(a->name(i), b->name(j));
  EXPECT_NE(a->fingerprint(), b->fingerprint());
}

TEST_F(LabelMaps, FingerprintIsOfPathsAndSizes) {
  add("a", {0, 1});
  const std::string before = open_dataset(options())->fingerprint();
  EXPECT_EQ(open_dataset(options())->fingerprint(), before);
  add("a", label_png(2, 3, {0, 1, 1, 2, 1, 0}), 2);
  EXPECT_NE(open_dataset(options())->fingerprint(), before);
}

TEST_F(LabelMaps, OtherAnnotationsAreRefused) {
  add("a", {0, 1});
  DatasetOptions from = options();
  from.annotation = AnnotationKind::objects;
  EXPECT_EQ(test::message_of<base::UsageError>([&] { open_dataset(from); }),
            "data.format: found the format label_maps, which has label maps, expected one with "
            "objects; choose another format, or the task.name that learns from label maps");
}

// A header that claims 100,000 × 100,000 pixels, and one that claims more than its bytes can hold.
TEST_F(LabelMaps, HugeHeadersAreRefusedUnread) {
  for (const uint8_t side : {uint8_t{1}, uint8_t{0}}) {
    Bytes png = label_png(1, 2, {0, 1});
    png[17] = png[21] = side;  // of the width and the height: bytes 16 … 23
    png[18] = png[22] = 0x20;
    add("a", png, 2);
    DatasetOptions from = options();
    from.num_classes = 2;
    EXPECT_THAT(map_error(from), HasSubstr(folder / "masks/a.png"));
  }
}

}  // namespace
}  // namespace swin::data
