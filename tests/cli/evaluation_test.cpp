// swin evaluate: --output, --predictions, --flip, and what it prints of classes.
#include <gmock/gmock.h>

#include <filesystem>
#include <memory>

#include "base/json.h"
#include "tests/support/child.h"

namespace swin::test {
namespace {

using base::Json;
using testing::AllOf;
using testing::HasSubstr;
using testing::Not;

class EvaluateVerb : public testing::Test {
 protected:
  static void SetUpTestSuite() {
    folder_ = std::make_unique<TemporaryDirectory>();
    const Finished trained = swin(
        Words{"train", "configs/synthetic_micro.json", "--output", run(), "--quiet"} + one_step());
    ASSERT_EQ(trained.exit_code, 0) << trained.err;
  }
  static void TearDownTestSuite() { folder_.reset(); }
  static std::string run() { return *folder_ / "run"; }
  static Words words(const Words& more = {}) {
    return Words{"evaluate", run() + "/last.h5"} + more;
  }
  static std::string error(const Words& more, int exit_code) {
    const Finished finished = swin(words(more));
    EXPECT_EQ(finished.exit_code, exit_code) << finished.err;
    EXPECT_EQ(finished.out, "");
    return finished.err;
  }
  static inline std::unique_ptr<TemporaryDirectory> folder_;
};

TEST_F(EvaluateVerb, PrintsTheClasses) {
  const Finished table = swin(words());
  EXPECT_EQ(table.exit_code, 0) << table.err;
  EXPECT_THAT(table.out,
              AllOf(HasSubstr("balanced_accuracy"), HasSubstr("macro_f1"), HasSubstr("ece"),
                    HasSubstr("CLASS"), HasSubstr("precision"), HasSubstr("support"),
                    HasSubstr("TAKEN FOR"), Not(HasSubstr("-1.0000"))));
  const Json json = json_of(words());
  expect_keys(json, {"images", "top1", "top5", "loss", "balanced_accuracy", "macro_precision",
                     "macro_f1", "ece", "per_class", "confusion_matrix", "calibration"});
  expect_keys(json.at("per_class").items()[0],
              {"class_name", "precision", "recall", "f1", "support"});
  EXPECT_TRUE(json.at("per_class").items()[0].at("support").is_integer());
  const size_t classes = json.at("per_class").size();
  int64_t images = 0;
  ASSERT_EQ(json.at("confusion_matrix").size(), classes);
  for (size_t k = 0; k < classes; ++k) {
    int64_t support = 0;
    ASSERT_EQ(json.at("confusion_matrix").items()[k].size(), classes);
    for (const Json& count : json.at("confusion_matrix").items()[k].items())
      support += count.as_int();
    EXPECT_EQ(support, json.at("per_class").items()[k].at("support").as_int());
    images += support;
  }
  EXPECT_EQ(images, json.at("images").as_int());
}

TEST_F(EvaluateVerb, WritesAFolderAndPredictions) {
  const std::string output = *folder_ / "out", predictions = *folder_ / "predictions.csv";
  const Finished finished = swin(words({"--output", output, "--predictions", predictions}));
  EXPECT_EQ(finished.exit_code, 0) << finished.err;
  EXPECT_THAT(finished.err, AllOf(HasSubstr("wrote " + predictions),
                                  HasSubstr("wrote " + output + "/evaluation.json")));
  for (const char* name : {"evaluation.json", "per_class.csv", "confusion_matrix.csv",
                           "confusion_matrix.svg", "most_confused.csv", "reliability.svg"}) {
    EXPECT_TRUE(std::filesystem::exists(output + "/" + name)) << name;
    EXPECT_EQ(read_text(output + "/" + name), read_text(run() + "/evaluation/" + name)) << name;
  }
  EXPECT_THAT(read_text(predictions), HasSubstr("file,label,prediction,p("));
  EXPECT_NE(json_of(words({"--flip"})).at("loss"), json_of(words()).at("loss"));
}

TEST_F(EvaluateVerb, WhatCannotBeWrittenIsSaid) {
  const std::string mine = *folder_ / "mine";
  std::filesystem::create_directory(mine);
  write_text(mine + "/thesis.txt", "text");
  EXPECT_THAT(error({"--output", mine}, 2),
              AllOf(HasSubstr("--output: found thesis.txt in " + mine), HasSubstr("name another")));
  EXPECT_EQ(read_text(mine + "/thesis.txt"), "text");
  EXPECT_THAT(error({"--output", mine + "/thesis.txt"}, 5), HasSubstr("found a file"));
  EXPECT_THAT(error({"--output", "/proc/evaluation"}, 5), HasSubstr("/proc/evaluation"));
  EXPECT_THAT(error({"--predictions", "/proc/predictions.csv"}, 5), HasSubstr("/proc"));
  EXPECT_THAT(error({"--predictions", *folder_ / "none/predictions.csv"}, 5),
              HasSubstr("make the directory first"));
  // Nothing is replaced by a slip.
  EXPECT_THAT(error({"--predictions", run() + "/last.h5"}, 2), HasSubstr("ends in .csv"));
  EXPECT_THAT(error({"--output", *folder_ / "o", "--predictions", *folder_ / "o/p.csv"}, 2),
              HasSubstr("found a file in the folder of --output"));
  EXPECT_THAT(error({"--output", "."}, 2), HasSubstr("found the current folder"));
  EXPECT_THAT(error({"--output", ""}, 2), HasSubstr("DIR after --output"));
  const std::string written = *folder_ / "written";
  std::filesystem::create_directories(written + "/worst");
  write_text(written + "/worst/01.png", "text");
  EXPECT_THAT(error({"--output", written}, 2), HasSubstr("found no evaluation.json"));
  write_text(written + "/evaluation.json", "{}");
  write_text(written + "/worst/mine.png", "text");
  EXPECT_THAT(error({"--output", written}, 2), HasSubstr("found worst/mine.png in"));
  for (const Words& option :
       {Words{"--flip"}, Words{"--output", "x"}, Words{"--predictions", "x.csv"}}) {
    const Finished refused =
        swin(Words{"evaluate", "--detections", "r.json", "--data", "t.json"} + option);
    EXPECT_EQ(refused.exit_code, 2);
    EXPECT_THAT(refused.err, HasSubstr("expected none with --detections"));
  }
}

TEST_F(EvaluateVerb, AnyOfItsMetricsChoosesTheBest) {
  const std::string other = *folder_ / "calibrated";
  const Finished trained = swin(Words{"train", "configs/synthetic_micro.json", "--output", other,
                                      "--quiet", "--set", "checkpoint.monitor=ece"} +
                                one_step());
  EXPECT_EQ(trained.exit_code, 0) << trained.err;
  EXPECT_TRUE(std::filesystem::exists(other + "/best.h5"));
}

}  // namespace
}  // namespace swin::test
