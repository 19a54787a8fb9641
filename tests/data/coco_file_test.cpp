#include "data/coco_file.h"

#include <gmock/gmock.h>

#include "base/json.h"
#include "data/run_lengths.h"
#include "tests/data/test_files.h"

namespace swin::data {
namespace {

using testing::AllOf;
using testing::ElementsAre;
using testing::HasSubstr;

const std::string kImages =
    R"({"id": 3, "file_name": "b/3.jpg", "height": 10, "width": 20, "license": {"id": [1, {}]}},
       {"id": 1, "file_name": "1.jpg", "height": 8, "width": 8})";
const std::string kCategories = R"({"id": 90, "name": "cat", "supercategory": "animal"},
                                   {"id": 7, "name": "dog"})";

class CocoFileTest : public testing::Test {
 protected:
  std::string write(const std::string& text, const std::string& name = "g.json") {
    const std::string path = folder_ / name;
    std::ofstream(path, std::ios::binary) << text;
    return path;
  }
  std::string document(const std::string& annotations, const std::string& images = kImages,
                       const std::string& categories = kCategories) {
    return write(R"({"info": {"images": [1, "x"]}, "annotations": [)" + annotations +
                 R"(], "images": [)" + images + R"(], "categories": [)" + categories + "]}");
  }
  std::string refusal(const std::string& path) {
    const std::string error = data_error([&] { CocoFile file(path); });
    EXPECT_THAT(error, testing::StartsWith(path));
    return error.substr(std::min(error.size(), path.size()));
  }
  std::string refusal_of(const std::string& annotations) { return refusal(document(annotations)); }
  std::string results_refusal(const std::string& results) {
    const CocoFile truth(document(""));
    return data_error([&] { CocoResults(write(results, "r.json"), truth); });
  }
  TemporaryDirectory folder_;
};

/// A valid annotation with some fields replaced or added.
std::string annotation(const std::string& fields = "") {
  const base::Json given = base::parse_json("{" + fields + "}", "fields");
  base::Json all = base::parse_json(R"({"id": 5, "image_id": 3, "category_id": 90, "iscrowd": 0,
      "bbox": [1, 2, 4, 3], "area": 11.5, "segmentation": [[1, 2, 5, 2, 5, 5, 1, 5]]})",
                                    "annotation");
  for (const auto& [name, value] : given.members()) all[name] = value;
  return to_text(all);
}

TEST_F(CocoFileTest, ListsAreReadInAnyOrder) {
  const CocoFile file(document(annotation() + "," +
                               annotation(R"("id": 6, "image_id": 1, "category_id": 7, "iscrowd": 1,
                                   "segmentation": {"counts": [3, 5, 56], "size": [8, 8]})") +
                               "," + annotation(R"("id": 2, "segmentation": [])")));
  ASSERT_EQ(file.images().size(), 2u);
  EXPECT_EQ(file.images()[0].file_name, "b/3.jpg");
  EXPECT_EQ(file.images()[0].height, 10);
  EXPECT_EQ(file.images()[0].width, 20);
  ASSERT_EQ(file.categories().size(), 2u);
  EXPECT_EQ(file.categories()[0].name, "dog");  // by id
  EXPECT_EQ(file.find_category(90), 1);
  EXPECT_EQ(file.find_category(8), -1);
  EXPECT_EQ(file.find_image({1, {}}), 1);
  EXPECT_EQ(file.find_image({0, "1"}), -1);
  EXPECT_THAT(file.images_by_id(), ElementsAre(1, 0));
  EXPECT_THAT(file.annotations_of(0), ElementsAre(0, 2));
  EXPECT_THAT(file.annotations_of(1), ElementsAre(1));

  const CocoAnnotation& first = file.annotations()[0];
  EXPECT_EQ(first.box, (CocoBox{1, 2, 4, 3}));
  EXPECT_EQ(first.area, 11.5);
  EXPECT_EQ(first.class_index, 1);
  EXPECT_FALSE(first.crowd);
  EXPECT_EQ(file.mask(0), Mask(std::vector<Polygon>{{{1, 2}, {5, 2}, {5, 5}, {1, 5}}}));
  EXPECT_EQ(count_pixels(file.runs(0)), 12);
  EXPECT_EQ(file.mask(1), Mask(RunLengths{8, 8, {3, 5, 56}}));
  EXPECT_TRUE(file.annotations()[1].crowd);
  EXPECT_EQ(file.mask(2), Mask());
  EXPECT_THAT(data_error([&] { file.runs(2); }),
              HasSubstr("annotations[2] (id 2): found no segmentation"));

  const Objects objects = file.objects(0);
  EXPECT_EQ(objects.height, 10);
  ASSERT_EQ(objects.objects.size(), 2u);
  EXPECT_EQ(objects.objects[0].box, (BoundingBox{1, 2, 5, 5}));
  EXPECT_EQ(objects.objects[0].class_index, 1);
  EXPECT_EQ(file.report().crowds, 1);
  EXPECT_EQ(file.report().polygons, 1);
  EXPECT_EQ(file.report().runs, 1);
  EXPECT_EQ(file.report().without_mask, 1);
  EXPECT_EQ(file.report().most_objects, 2);
}

TEST_F(CocoFileTest, FaultsAreCountedByReason) {
  const std::vector<std::pair<std::string, CocoFault>> cases = {
      {R"("image_id": 4)", CocoFault::unknown_image},
      {R"("image_id": "3")", CocoFault::unknown_image},
      {R"("category_id": 8)", CocoFault::unknown_category},
      {R"("ignore": 1)", CocoFault::marked_ignore},
      {R"("bbox": [], "segmentation": [])", CocoFault::no_box},
      {R"("bbox": null, "segmentation": null)", CocoFault::no_box},
      {R"("bbox": [1, 2, 0, 3])", CocoFault::no_size},
      {R"("bbox": [1, 2, 4, -3])", CocoFault::no_size},
      {R"("bbox": [1, 2, 0.5, 3])", CocoFault::below_one_pixel},
      {R"("bbox": [20, 2, 4, 3])", CocoFault::outside},
      {R"("bbox": [-4, 2, 4, 3])", CocoFault::outside},
      {R"("area": 0)", CocoFault::no_area},
      {R"("segmentation": [[1, 2, 4, 3]])", CocoFault::broken_polygon},
      {R"("segmentation": [[1, 2, 4, 3, 5, 5, 6]])", CocoFault::broken_polygon},
      {R"("segmentation": [[]])", CocoFault::broken_polygon},
  };
  std::string all = annotation();
  for (const auto& [fields, fault] : cases) all += "," + annotation(fields + R"(, "id": 0)");
  const CocoFile file(document(all));
  for (size_t i = 0; i < cases.size(); ++i)
    EXPECT_EQ(fault_text(file.annotations()[i + 1].fault), fault_text(cases[i].second))
        << cases[i].first;
  const CocoReport& report = file.report();
  EXPECT_EQ(report.faults[static_cast<size_t>(CocoFault::none)].count, 1);
  EXPECT_EQ(report.faults[static_cast<size_t>(CocoFault::no_size)].count, 2);
  EXPECT_THAT(report.faults[static_cast<size_t>(CocoFault::no_size)].first, ElementsAre(7, 8));
  EXPECT_EQ(file.objects(0).objects.size(), 1u);
  EXPECT_EQ(report.images_without_objects, 1);
  EXPECT_EQ(report.duplicate_ids.count, 0);
}

TEST_F(CocoFileTest, WhatIsMissingIsComputed) {
  const CocoFile file(document(
      R"({"id": 5, "image_id": 3, "category_id": 90.0, "segmentation": [[1, 2, 5, 2, 5, 5, 1, 5], [1, 1]]},
         {"id": 5, "image_id": 1, "category_id": 90, "segmentation": {"size": [8, 8], "counts": "0P1P1"}},
         {"image_id": 3, "category_id": 90, "bbox": [1, 1, 2.5, 4]})"));
  EXPECT_EQ(file.annotations()[0].box, (CocoBox{1, 2, 4, 3}));
  EXPECT_EQ(file.annotations()[0].area, 12);
  EXPECT_EQ(file.annotations()[1].box, (CocoBox{0, 0, 4, 8}));
  EXPECT_EQ(file.annotations()[1].area, 32);
  EXPECT_EQ(file.annotations()[2].area, 10);
  EXPECT_EQ(file.report().without_area.count, 3);
  EXPECT_EQ(file.report().without_crowd.count, 3);
  EXPECT_THAT(file.report().duplicate_ids.first, ElementsAre(1));
  EXPECT_EQ(file.report().short_polygons.count, 1);
}

TEST_F(CocoFileTest, ErrorsNameTheEntryAndItsValue) {
  EXPECT_EQ(refusal_of(annotation() + "," + annotation(R"("bbox": [1, 2, 3])")),
            ": annotations[1] (id 5): bbox: found 3 numbers, expected x, y, width, height");
  EXPECT_THAT(refusal_of(annotation(R"("bbox": [1, 2, 3, 4, 5])")), HasSubstr("more than 4"));
  EXPECT_THAT(refusal_of(annotation(R"("bbox": [1, 2, 3, "x"])")),
              HasSubstr("found the text \"x\""));
  EXPECT_THAT(refusal_of(annotation(R"("bbox": [1, 2, 3, 1e300])")), HasSubstr("at most 10⁹"));
  EXPECT_THAT(refusal_of(annotation(R"("bbox": {"x": 1})")), HasSubstr("found an object"));
  EXPECT_THAT(refusal_of(annotation(R"("category_id": "90")")),
              HasSubstr("category_id: found the text \"90\", expected a whole number"));
  EXPECT_THAT(refusal_of(annotation(R"("category_id": 1.5)")), HasSubstr("found 1.5"));
  EXPECT_THAT(refusal_of(annotation(R"("image_id": null)")), HasSubstr("image_id: found none"));
  EXPECT_THAT(refusal_of(annotation(R"("iscrowd": 2)")), HasSubstr("found 2, expected 0 or 1"));
  EXPECT_THAT(refusal_of(annotation(R"("area": [1])")),
              HasSubstr("found a list, expected a number"));
  EXPECT_THAT(refusal_of(R"({"id": 1, "id": 2})"), HasSubstr("found \"id\" a second time"));
  EXPECT_THAT(refusal_of("17"), HasSubstr("annotations[0]: entry: found 17, expected an object"));
  EXPECT_THAT(
      refusal_of(R"({"id": 1, "bbox": [NaN, 1, 2, 3]})"),
      AllOf(HasSubstr(":1:"), HasSubstr("annotations[0] (id 1)"), HasSubstr("found \"NaN\"")));
  EXPECT_THAT(refusal_of(R"({"id": 1, "area": 1e999})"), HasSubstr("found number 1e999"));
  EXPECT_THAT(refusal_of(R"({"id": 99999999999999999999})"), HasSubstr("99999999999999999999"));
}

TEST_F(CocoFileTest, BadMasksAreNamed) {
  const auto refusal = [&](const std::string& mask) {
    const std::string error = refusal_of(annotation(R"("segmentation": )" + mask));
    EXPECT_THAT(error, HasSubstr("annotations[0] (id 5)"));
    return error;
  };
  EXPECT_THAT(refusal(R"({"size": [10, 20], "counts": [100, 101]})"),
              HasSubstr("found runs of 201 pixels, expected the 200 of 10 × 20"));
  EXPECT_THAT(refusal(R"({"size": [20, 10], "counts": [100, 100]})"),
              HasSubstr("found a mask of 20 × 10 pixels, expected the 10 × 20 of its image 3"));
  EXPECT_THAT(refusal(R"({"size": [10, 20], "counts": "zzz"})"), HasSubstr("found byte 122"));
  EXPECT_THAT(refusal(R"({"size": [10, 20], "counts": [-1, 201]})"),
              HasSubstr("found a run of -1"));
  EXPECT_THAT(refusal(R"({"size": [1000000000, 1000000000], "counts": [1]})"),
              HasSubstr("found the size 1000000000"));
  EXPECT_THAT(refusal(R"({"counts": [200]})"), HasSubstr("found 0 numbers"));
  EXPECT_THAT(refusal(R"({"size": [10, 20], "counts": {"a": 1}})"), HasSubstr("found an object"));
  EXPECT_THAT(refusal("[1, 2, 4, 3]"),
              HasSubstr("found the number 1.0, expected a list of polygons"));
  EXPECT_THAT(refusal("[[1, 2, 1e12, 3, 4, 5]]"), HasSubstr("found the coordinate"));
  EXPECT_THAT(refusal("[[[1]]]"), HasSubstr("found a list in the list of a polygon"));
  EXPECT_THAT(refusal(R"([["a"]])"), HasSubstr("found a text"));
  EXPECT_THAT(refusal(R"("x")"), HasSubstr("found the text \"x\""));
}

TEST_F(CocoFileTest, BadImagesAndCategoriesAreNamed) {
  const auto image = [&](const std::string& entry) { return refusal(document("", entry)); };
  const auto category = [&](const std::string& entry) {
    return refusal(document("", kImages, entry));
  };
  EXPECT_THAT(image(kImages + "," + R"({"id": 3, "file_name": "c", "height": 1, "width": 1})"),
              HasSubstr("images[2] (id 3): found the id of images[0] again"));
  EXPECT_THAT(image(R"({"id": "a b", "file_name": "c", "height": 0, "width": 1})"),
              HasSubstr("images[0] (id a b): height: found 0, expected 1 to"));
  EXPECT_THAT(image(R"({"id": 1, "file_name": "c", "height": 100000, "width": 100000})"),
              HasSubstr("found an image of 100000 × 100000"));
  EXPECT_THAT(image(R"({"id": 1, "height": 1, "width": 1})"), HasSubstr("file_name: found none"));
  EXPECT_THAT(image(R"({"file_name": "c", "height": 1, "width": 1})"), HasSubstr("id: found none"));
  EXPECT_THAT(image(""), HasSubstr("found no images"));
  EXPECT_THAT(category(R"({"id": 7, "name": "a"}, {"id": 7, "name": "b"})"),
              HasSubstr("categories[1] (id 7): found the id of categories[0] again"));
  EXPECT_THAT(category(R"({"id": 7})"), HasSubstr("name: found none"));
  EXPECT_THAT(category(R"({"id": "a", "name": "a"})"), HasSubstr("found the text \"a\""));
  EXPECT_THAT(category(""), HasSubstr("found no categories"));
}

TEST_F(CocoFileTest, OtherDocumentsAreRefused) {
  for (const auto& [text, words] : std::vector<std::pair<std::string, std::string>>{
           {"", "expected a value"},
           {"[]", "found a list, expected an object with images"},
           {"3", "document: found 3"},
           {"{}", "found no list \"images\""},
           {R"({"images": 3})", "found 3, expected a list"},
           {R"({"images": {}})", "found an object, expected a list"},
           {R"({"images": []})", "found no list \"categories\""},
           {R"({"images": [], "images": []})", "found the list \"images\" a second time"},
           {R"({"images": [[]]})", "found a list, expected an object"},
           {R"({"images": [)", "found the end of the document"},
           {R"({"info": )" + std::string(100, '['), "found nesting deeper than 64 levels"},
           {"\x1f\x8b", "expected valid JSON"}})
    EXPECT_THAT(refusal(write(text)), HasSubstr(words)) << text;
  EXPECT_THAT(data_error([&] { CocoFile file(folder_ / "none.json"); }), HasSubstr("no such file"));
}

TEST_F(CocoFileTest, TextIdsOfImages) {
  const CocoFile file(
      document(annotation(R"("image_id": "x/1", "segmentation": [])"),
               R"({"id": "x/1", "file_name": "1.jpg", "height": 10, "width": 20})"));
  EXPECT_EQ(file.annotations()[0].image, 0);
  EXPECT_EQ(file.find_image({0, "x/1"}), 0);
  EXPECT_EQ(file.images()[0].id.shown(), "\"x/1\"");
}

TEST_F(CocoFileTest, ImagesOfManyObjectsAreCounted) {
  std::string all = annotation();
  for (int i = 0; i < 100; ++i) all += "," + annotation(R"("id": )" + std::to_string(10 + i));
  const CocoFile file(document(all));
  EXPECT_EQ(file.report().most_objects, 101);
  EXPECT_EQ(file.report().most_objects_image, 0);
  EXPECT_EQ(file.report().images_above_100, 1);
}

TEST_F(CocoFileTest, ResultsAreReadAndChecked) {
  const CocoFile truth(document(""));
  const CocoResults results(
      write(R"([{"image_id": 3, "category_id": 7, "bbox": [1, 2, 3, 4], "score": 0.5},
                {"image_id": 1, "category_id": 90, "score": 1,
                 "segmentation": {"size": [8, 8], "counts": "0P1P1"}}])",
            "r.json"),
      truth);
  ASSERT_EQ(results.results().size(), 2u);
  EXPECT_EQ(results.results()[0].area, 12);
  EXPECT_EQ(results.results()[0].score, .5);
  EXPECT_EQ(results.results()[0].class_index, 0);
  EXPECT_EQ(results.results()[1].box, (CocoBox{0, 0, 4, 8}));
  EXPECT_EQ(results.results()[1].area, 32);
  EXPECT_EQ(count_pixels(results.runs(1)), 32);
  EXPECT_EQ(results.num_masks(), 1);
  EXPECT_FALSE(results.have_masks());

  const auto result = [](const std::string& fields) { return "[{" + fields + "}]"; };
  const std::string box = R"("bbox": [1, 2, 3, 4])";
  EXPECT_THAT(results_refusal(result(R"("image_id": 17, "category_id": 7, "score": 1, )" + box)),
              AllOf(HasSubstr("found 1 results with the image_id 17, expected ids of the images"),
                    HasSubstr("g.json: 3, 1")));
  EXPECT_THAT(results_refusal(result(R"("image_id": "3", "category_id": 7, "score": 1, )" + box)),
              HasSubstr("the image_id \"3\""));
  EXPECT_THAT(results_refusal(result(R"("image_id": 3, "category_id": 1, "score": 1, )" + box)),
              HasSubstr("the category_id 1, expected ids of the categories"));
  EXPECT_THAT(results_refusal(result(R"("image_id": 3, "category_id": 7, )" + box)),
              HasSubstr("r.json: results[0]: score: found none"));
  EXPECT_THAT(results_refusal(result(R"("image_id": 3, "category_id": 7, "score": 1)")),
              HasSubstr("found neither bbox nor segmentation"));
  EXPECT_THAT(results_refusal(result(R"("image_id": 3, "category_id": 7, "score": 1,
                                        "segmentation": {"size": [8, 8], "counts": [64]})")),
              HasSubstr("found a mask of 8 × 8 pixels, expected the 10 × 20"));
  EXPECT_THAT(results_refusal("{}"),
              HasSubstr("r.json: document: found an object, expected a list of results"));
  EXPECT_THAT(results_refusal("[3]"), HasSubstr("results[0]: entry: found 3"));
}

}  // namespace
}  // namespace swin::data
