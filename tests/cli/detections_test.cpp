// swin evaluate --detections.
#include <gmock/gmock.h>

#include <fstream>

#include "base/json.h"
#include "tests/support/child.h"
#include "tests/support/places.h"

namespace swin::test {
namespace {

using testing::AllOf;
using testing::HasSubstr;

class DetectionsVerb : public testing::Test {
 protected:
  DetectionsVerb() {
    std::ifstream file(source_dir() + "/tests/goldens/coco/masks.json");
    const std::string text{std::istreambuf_iterator<char>(file), {}};
    const base::Json golden = base::parse_json(text, "masks.json");
    write_text(truth_, to_text(golden.at("truth")));
    write_text(results_, to_text(golden.at("results")));
  }
  Words words(const std::string& results) const {
    return {"evaluate", "--detections", results, "--data", truth_};
  }
  TemporaryDirectory folder_;
  const std::string truth_ = folder_ / "truth.json", results_ = folder_ / "results.json";
};

TEST_F(DetectionsVerb, ScoresWithoutACheckpoint) {
  Words all = words(results_);
  const Finished table = swin(all);
  EXPECT_EQ(table.exit_code, 0) << table.err;
  EXPECT_THAT(table.out,
              AllOf(HasSubstr("box_AP_medium"), HasSubstr("segm_AR_large"), HasSubstr("OBJECTS"),
                    HasSubstr("segm_dAP"), HasSubstr("nothing is there")));
  EXPECT_THAT(table.err, HasSubstr("8 images"));
  all.push_back("--json");
  const base::Json json = json_of(all);
  expect_keys(json, {"images", "results", "box_AP", "segm_AP", "box_AR_100", "per_class", "errors",
                     "warnings"});
  expect_keys(json.at("errors"), {"box_dAP_Cls", "box_dAP_Miss", "segm_dAP_FalseNeg"});
  EXPECT_FALSE(json.find("precision_recall"));
  all.push_back("--precision-recall");
  EXPECT_TRUE(json_of(all).find("precision_recall"));
}

TEST_F(DetectionsVerb, ErrorsSayWhatToDo) {
  const auto error = [](const Words& words, int exit_code) {
    const Finished finished = swin(words);
    EXPECT_EQ(finished.exit_code, exit_code) << finished.err;
    EXPECT_EQ(finished.out, "");
    return finished.err;
  };
  EXPECT_THAT(error({"evaluate", "--detections", results_}, 2), HasSubstr("found no --data"));
  EXPECT_THAT(error({"evaluate", "a.h5", "--detections", results_, "--data", truth_}, 2),
              HasSubstr("found CHECKPOINT and --detections"));
  EXPECT_THAT(error({"evaluate", "a.h5", "--precision-recall"}, 2),
              HasSubstr("expected it with --detections"));
  EXPECT_THAT(
      error(words(results_) + Words{"--write-detections", "a.json"}, 2),
      HasSubstr("--write-detections, --output, --predictions or --flip, expected none with"));
  EXPECT_THAT(error({"evaluate"}, 2), HasSubstr("CHECKPOINT"));
  EXPECT_THAT(error(words(folder_ / "none.json"), 3), HasSubstr("none.json: no such file"));
  write_text(folder_ / "other.json", R"([{"image_id": 4711, "category_id": 1, "score": 1,
                                          "bbox": [1, 2, 3, 4]}])");
  EXPECT_THAT(error(words(folder_ / "other.json"), 3), HasSubstr("the image_id 4711"));
}

}  // namespace
}  // namespace swin::test
