// swin data: check, preview and convert of sets with label maps and objects.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/json.h"
#include "data/decode/decode.h"
#include "data/palette.h"
#include "tests/support/child.h"

namespace swin::test {
namespace {

using testing::HasSubstr;

class Annotations : public testing::Test {
 protected:
  Annotations() {
    add("a", {0, 1, 1, 255});
    add("b", {0, 0, 2, 2});
    write_text(config(), R"({"model": {"image_size": 16, "patch_size": 2, "embed_dim": 8,
                                       "depths": [1], "num_heads": [2], "window_size": 4,
                                       "num_classes": 3},
                             "task": {"name": "simmim"}, "trainer": {"batch_size": 2},
                             "data": {"train": {"format": "label_maps", "path": ")" +
                             (folder_ / "set").string() + R"("}}})");
  }
  // An image of 2 × 2 and its label map.
  void add(const std::string& name, const std::vector<uint16_t>& labels) const {
    data::Image image;
    image.reshape(2, 2, 3);
    folder_.write("set/images/" + name + ".png", data::encode_png(image));
    std::vector<data::Color> palette;
    for (int64_t c = 0; c < 255; ++c) palette.push_back(data::palette_color(c));
    folder_.write("set/masks/" + name + ".png", data::encode_label_png(2, 2, labels, 255, palette));
  }
  std::string config() const { return folder_ / "config.json"; }
  TemporaryDirectory folder_;
};

TEST_F(Annotations, CheckOfAConfigCountsTheValues) {
  const base::Json json = json_of({"data", "check", config(), "--json"});
  const base::Json& train = json.at("data.train");
  EXPECT_EQ(train.at("images").as_int(), 2);
  EXPECT_EQ(base::to_text(train.at("label_values").items()[1]),
            R"({"value":1,"pixels":2,"images":1,"class_index":1,"meaning":"1"})");
  EXPECT_EQ(train.at("label_values").items()[3].at("meaning").as_string(), "ignored");
  const Finished table = swin({"data", "check", config(), "--set", "data.ignore_index=2"});
  EXPECT_EQ(table.exit_code, 3);  // now 255 is beyond the classes
  EXPECT_THAT(table.out, HasSubstr("  255       1       1  beyond the classes\n"));
  EXPECT_THAT(table.out, HasSubstr("    2       2       1  ignored\n"));
  EXPECT_THAT(table.out,
              HasSubstr("masks/a.png: found the value 255 in column 1 of row 1, expected "
                        "0 … 2, or 2 for what is ignored"));
  EXPECT_THAT(table.err, HasSubstr("data.train: 2 images with label maps of 3 classes"));
}

TEST_F(Annotations, CheckOfAConfigWantsTheMasksThatItLearns) {
  write_text(folder_ / "boxes.json",
             R"({"images": [{"id": 1, "file_name": "set/images/a.png", "width": 2, "height": 2}],
                 "categories": [{"id": 1, "name": "dot"}],
                 "annotations": [{"id": 1, "image_id": 1, "category_id": 1, "area": 4,
                                  "iscrowd": 0, "bbox": [0, 0, 2, 2]}]})");
  write_text(config(), R"({"model": {"image_size": 16, "patch_size": 2, "embed_dim": 8,
                                     "depths": [1], "num_heads": [2], "window_size": 4},
                           "task": {"name": "detection", "anchors": {"sizes": [8, 12]}},
                           "trainer": {"batch_size": 1},
                           "data": {"train": {"format": "coco", "path": ")" +
                           (folder_ / "boxes.json").string() + R"("}}})");
  const Finished refused = swin({"data", "check", config()});
  EXPECT_EQ(refused.exit_code, 3);
  EXPECT_THAT(refused.err, HasSubstr("found 1 object without a mask, expected a mask for each"));
  EXPECT_EQ(swin({"data", "check", config(), "--set", "task.mask=false"}).exit_code, 0);
}

TEST_F(Annotations, ConvertWritesWhatReadsTheSame) {
  const std::string out = folder_ / "out";
  const base::Json json = json_of({"data", "convert", config(), "--output", out, "--json"});
  EXPECT_EQ(json.at("images").as_int(), 2);
  EXPECT_EQ(json.at("label_maps").as_int(), 2);
  EXPECT_EQ(swin({"data", "check", out}).exit_code, 0);
  const Finished again = swin({"data", "convert", config(), "--output", out});
  EXPECT_EQ(again.exit_code, 2);
  EXPECT_THAT(again.err, HasSubstr("expected none or an empty folder"));
  EXPECT_EQ(
      swin({"data", "convert", config(), "--output", folder_ / "x", "--dataset", "test"}).exit_code,
      2);
}

TEST_F(Annotations, PreviewDrawsThem) {
  const std::string picture = folder_ / "p.png";
  EXPECT_EQ(swin({"data", "preview", config(), "--output", picture}).exit_code, 0);
  const data::Image grid = data::read_image(picture, 3);
  // The legend of the first image begins with the color of a class.
  bool red = false;
  for (size_t p = 0; p < grid.pixels.size(); p += 3)
    red |= grid.pixels[p] == 128 && grid.pixels[p + 1] == 0 && grid.pixels[p + 2] == 0;
  EXPECT_TRUE(red);
}

TEST_F(Annotations, FlagsBelongToActions) {
  for (const auto& [words, text] : std::vector<std::pair<Words, std::string>>{
           {{"data", "convert", config()}, "found no --output DIR, expected one"},
           {{"data", "check", config(), "--output", "x"}, "preview and convert take it"},
           {{"data", "preview", config(), "--dataset", "train"}, "convert alone takes it"},
           {{"data", "pack", "a", "b.h5", "--set", "x=1"}, "it takes no config"},
           {{"data", "convert", config(), "--output", "x", "--dataset", "all"},
            "found \"all\", expected train, validation or test"},
           {{"data", "check", folder_ / "set", "--set", "data.ignore_index=1"},
            "found --set, expected none: it is no config"}}) {
    const Finished run = swin(words);
    EXPECT_EQ(run.exit_code, 2) << text;
    EXPECT_THAT(run.err, HasSubstr(text));
  }
}

}  // namespace
}  // namespace swin::test
