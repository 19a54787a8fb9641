#include "data/convert.h"

#include <gmock/gmock.h>

#include "base/json.h"
#include "data/formats/formats.h"
#include "tests/data/label_files.h"
#include "tests/data/test_datasets.h"

namespace swin::data {
namespace {

using testing::ElementsAre;

// Two images: one with objects of polygons, run lengths and a crowd; one without objects.
class SomeObjects : public Dataset {
 public:
  SomeObjects() { class_names_ = {"a", "b"}; }
  int64_t size() const override { return 2; }
  void load(int64_t i, Image& image) const override { image = counting(4, 5 + i, 3); }
  std::string name(int64_t i) const override { return "some #" + std::to_string(i); }
  Annotation annotation(int64_t i) const override {
    Objects all{4, 5 + i, {}};
    if (i == 1) return all;
    const std::vector<Polygon> square = {{{1, 1}, {3.5, 1}, {3.5, 3}, {1, 3}}};
    all.objects = {{{1, 1, 3.5, 3}, 1, square, false, 5},
                   {{0, 0, 1, 4}, 0, RunLengths{4, 5, {0, 4, 16}}, false, 4},
                   {{0, 0, 5, 4}, 0, RunLengths{4, 5, {0, 20}}, true, 20}};
    return all;
  }
};

TEST(Convert, WritesCocosJson) {
  const TemporaryDirectory folder;
  const SomeObjects set;
  const Converted written = convert_dataset(nullptr, &set, folder / "out");
  EXPECT_EQ(written.images, 2);
  EXPECT_EQ(written.objects, 3);
  EXPECT_EQ(written.label_maps, 0);
  const base::Json json = base::parse_json(test::read_text(folder / "out/annotations.json"), "x");
  EXPECT_EQ(base::to_text(json.at("images")),
            R"([{"id":1,"file_name":"000000.png","height":4,"width":5},)"
            R"({"id":2,"file_name":"000001.png","height":4,"width":6}])");
  EXPECT_EQ(base::to_text(json.at("categories")), R"([{"id":1,"name":"a"},{"id":2,"name":"b"}])");
  const auto& annotations = json.at("annotations").items();
  ASSERT_EQ(annotations.size(), 3u);
  EXPECT_EQ(base::to_text(annotations[0]),
            R"({"id":1,"image_id":1,"category_id":2,"bbox":[1,1,2.5,2],"area":5,"iscrowd":0,)"
            R"("segmentation":[[1,1,3.5,1,3.5,3,1,3]]})");
  EXPECT_EQ(base::to_text(annotations[1].at("segmentation")), R"({"size":[4,5],"counts":"04`0"})");
  EXPECT_EQ(annotations[2].at("iscrowd").as_int(), 1);
  EXPECT_EQ(read_image(folder / "out/images/000001.png", 3), counting(4, 6, 3));
}

TEST(Convert, WritesLabelMapsThatReadTheSame) {
  const TemporaryDirectory folder;
  folder.write("images/x.png", image_png(2, 2));
  folder.write("masks/x.png", label_png(2, 2, {0, 1, LabelMap::kIgnored, 2}));
  folder.write("images/deep/y.png", image_png(1, 2));
  folder.write("masks/deep/y.png", label_png(1, 2, {2, 2}));
  folder.write("classes.txt", "sky\nroad\ntree\n");
  DatasetOptions options = dataset_options("label_maps", folder.path());
  options.split = Split::none;
  const auto set = open_dataset(options);
  EXPECT_EQ(convert_dataset(set.get(), nullptr, folder / "out").label_maps, 2);
  options.path = (folder / "out").string();
  const auto again = open_dataset(options);
  ASSERT_EQ(again->size(), 2);
  EXPECT_THAT(again->class_names(), ElementsAre("sky", "road", "tree"));
  for (int64_t i = 0; i < 2; ++i) {  // deep/y comes first, then second
    EXPECT_EQ(again->annotation(1 - i), set->annotation(i));
    EXPECT_EQ(again->load(1 - i), set->load(i));
  }
  EXPECT_FALSE(std::filesystem::exists(folder / "out/annotations.json"));
}

}  // namespace
}  // namespace swin::data
