// The metrics of detections equal those of pycocotools to the last bit
// (scripts/reference/make_coco_goldens.py).
#include "trainers/run/score_detections.h"

#include <gmock/gmock.h>

#include <cstdlib>
#include <fstream>

#include "base/errors.h"
#include "tests/support/places.h"
#include "tests/support/temporary_directory.h"

namespace swin::trainers {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

class ScoreDetections : public testing::Test {
 protected:
  std::string write(const std::string& name, const std::string& text) const {
    std::ofstream(folder_ / name, std::ios::binary) << text;
    return folder_ / name;
  }
  Score score(const std::string& truth, const std::string& results) const {
    return score_detections({.detections = write("results.json", results),
                             .data = write("truth.json", truth),
                             .quiet = true});
  }
  test::TemporaryDirectory folder_;
};

base::Json golden(const std::string& name) {
  std::ifstream file(swin::test::source_dir() + "/tests/goldens/coco/" + name + ".json");
  const std::string text{std::istreambuf_iterator<char>(file), {}};
  return base::parse_json(text, name);
}

void expect_equal(const std::string& what, const tasks::DetectionMetrics::Result& result,
                  const base::Json& expected) {
  ASSERT_EQ(expected.size(), result.metrics.size());
  for (size_t i = 0; i < expected.size(); ++i)
    EXPECT_EQ(result.metrics[i].second,
              std::strtod(expected.items()[i].as_string().c_str(), nullptr))
        << what << ": " << result.metrics[i].first;
}

TEST_F(ScoreDetections, EqualsPycocotools) {
  for (const char* name :
       {"ties", "fractions", "many", "masks", "masks_alone", "text_ids", "no_objects", "perfect"}) {
    const base::Json set = golden(name);
    const Score found = score(to_text(set.at("truth")), to_text(set.at("results")));
    expect_equal(name, found.boxes, set.at("boxes"));
    ASSERT_EQ(found.masks.has_value(), set.at("masks").is_array()) << name;
    if (found.masks) expect_equal(name, *found.masks, set.at("masks"));
  }
}

TEST_F(ScoreDetections, DocumentHasAllKeys) {
  const base::Json set = golden("masks");
  const Score found = score(to_text(set.at("truth")), to_text(set.at("results")));
  const base::Json json = to_json(found, true);
  for (const char* kind : {"box", "segm"})
    for (const char* metric : {"AP", "AP50", "AP75", "AP_small", "AP_medium", "AP_large", "AR_1",
                               "AR_10", "AR_100", "AR_small", "AR_medium", "AR_large"})
      EXPECT_TRUE(json.find(std::string(kind) + "_" + metric)) << kind << metric;
  EXPECT_EQ(json.at("per_class").size(), 4u);
  EXPECT_EQ(json.at("per_class").items()[0].at("segm_AP50").as_real(),
            found.masks->classes[0].ap50);
  const base::Json& curves = json.at("precision_recall");
  EXPECT_EQ(curves.at("iou").size(), 10u);
  EXPECT_EQ(curves.at("recall").size(), 101u);
  EXPECT_EQ(curves.at("segm").items()[3].at("precision").items()[9].size(), 101u);
  EXPECT_FALSE(to_json(found, false).find("precision_recall"));
}

const std::string kTruth = R"({"images": [{"id": 1, "file_name": "a", "width": 64, "height": 64}],
  "categories": [{"id": 4, "name": "cat"}], "annotations": [)";
const std::string kObject = R"({"id": 0, "image_id": 1, "category_id": 4, "iscrowd": 0,
  "bbox": [8, 8, 32, 32], "area": 1024})";

std::string result(const std::string& box) {
  return R"([{"image_id": 1, "category_id": 4, "score": 1, "bbox": )" + box + "}]";
}

TEST_F(ScoreDetections, WhereItDiffersFromPycocotools) {
  // An annotation with id 0 is matched.
  EXPECT_EQ(score(kTruth + kObject + "]}", result("[8, 8, 32, 32]")).boxes.classes[0].ar, 1);
  // No results at all.
  const Score none = score(kTruth + kObject + "]}", "[]");
  EXPECT_EQ(none.boxes.classes[0].ar, 0);
  EXPECT_THAT(none.warnings, ElementsAre(HasSubstr("found no results")));
  // Without area and iscrowd.
  const std::string bare = R"({"image_id": 1, "category_id": 4, "bbox": [8, 8, 32, 32]})";
  EXPECT_EQ(score(kTruth + bare + "]}", result("[8, 8, 32, 32]")).boxes.metrics[3].second,
            0.9999999999999998);
}

TEST_F(ScoreDetections, WarnsWhereNothingMatches) {
  const Score wrong = score(kTruth + kObject + "]}", result("[40, 40, 4, 4]"));
  EXPECT_THAT(wrong.warnings, ElementsAre(HasSubstr("category_id is one of 4 cat")));
  EXPECT_EQ(wrong.boxes.metrics[0].second, 0);
  const Score empty = score(kTruth + "]}", result("[40, 40, 4, 4]"));
  EXPECT_THAT(empty.warnings, ElementsAre(HasSubstr("found no object to compare with")));
  const std::string unknown = R"({"id": 3, "image_id": 1, "category_id": 5, "bbox": [8, 8, 9, 9]})";
  const Score left_out = score(kTruth + kObject + "," + unknown + "]}", result("[8, 8, 32, 32]"));
  EXPECT_THAT(left_out.warnings,
              ElementsAre(HasSubstr("1 annotation left out, unknown category_id: annotations[1]")));
}

TEST_F(ScoreDetections, ObjectsWithoutAMaskAreNamed) {
  const std::string mask = R"(, "segmentation": {"size": [64, 64], "counts": [4096]})";
  const std::string with_mask =
      R"({"id": 2, "image_id": 1, "category_id": 4, "bbox": [1, 1, 9, 9], "segmentation": [[1, 1, 9, 1, 9, 9]]})";
  const std::string results = R"([{"image_id": 1, "category_id": 4, "score": 1)" + mask + "}]";
  try {
    score(kTruth + with_mask + "," + kObject + "]}", results);
    FAIL();
  } catch (const base::DataError& error) {
    EXPECT_THAT(error.what(),
                HasSubstr("truth.json: annotations[1] (id 0): found no segmentation"));
  }
  EXPECT_FALSE(score(kTruth + kObject + "]}", results).masks.has_value());
  EXPECT_EQ(score(kTruth + "]}", results).masks->metrics[0].second, -1);  // nothing to find
}

}  // namespace
}  // namespace swin::trainers
