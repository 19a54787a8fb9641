// Runs on an image folder with unreadable files.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>

#include "data/decode/decode.h"
#include "tests/trainers/run_support.h"
#include "trainers/run/evaluate.h"

namespace swin::trainers {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using testing::options_of;
using testing::read_log;
using testing::read_text;
using testing::TemporaryDirectory;
namespace fs = std::filesystem;

class BadImageRuns : public ::testing::Test {
 protected:
  BadImageRuns() { base::set_num_threads(1); }

  // Two classes of twelve images each; batches of eight, three steps per epoch.
  void make_folder(const std::string& name, const std::vector<std::string>& bad) {
    for (const std::string c : {"a", "b"}) {
      fs::create_directories(directory_ / name / c);
      for (int i = 0; i < 12; ++i) {
        data::Image image;
        image.reshape(16, 16, 3);
        for (size_t p = 0; p < image.pixels.size(); ++p)
          image.pixels[p] = static_cast<uint8_t>(p * 7 + static_cast<size_t>(i) * 31);
        data::write_png((directory_ / name / c / (std::to_string(i) + ".png")).string(), image);
      }
    }
    for (const std::string& file : bad) std::ofstream(directory_ / name / file) << "no image";
  }
  Config config(const std::vector<std::string>& sets = {}) {
    std::vector<std::string> all = {"data.train.format=image_folder",
                                    "data.train.path=" + (directory_ / "train").string(),
                                    "data.train.samples=null",
                                    "data.validation=null",
                                    "schedule.steps=6",
                                    "checkpoint.every_steps=1",
                                    "checkpoint.keep_last=100"};
    all.insert(all.end(), sets.begin(), sets.end());
    return testing::micro_config(all);
  }
  std::vector<base::Json> bad_lines(const std::string& run) {
    std::vector<base::Json> lines;
    std::ifstream file(directory_ / run / "bad.jsonl");
    for (std::string line; std::getline(file, line);)
      lines.push_back(base::parse_json(line, "bad.jsonl"));
    return lines;
  }
  std::vector<int64_t> bad_of_epochs(const std::string& run) {
    std::vector<int64_t> counts;
    for (const base::Json& line : read_log(directory_ / run))
      if (const base::Json* count = line.find("bad_images")) counts.push_back(count->as_int());
    return counts;
  }
  template <class Error>
  std::string message_of(const TrainOptions& options) {
    try {
      train(options);
    } catch (const Error& error) {
      return error.what();
    }
    ADD_FAILURE() << "no error";
    return "";
  }

  TemporaryDirectory directory_;
};

TEST_F(BadImageRuns, OneIsReplacedLoggedOnceAndCountedInEveryEpoch) {
  make_folder("train", {"a/3.png"});
  const TrainResult result = train(options_of(config(), directory_ / "run"));
  EXPECT_EQ(result.steps, 6);
  EXPECT_EQ(result.bad_images, 2);
  EXPECT_EQ(bad_of_epochs("run"), (std::vector<int64_t>{1, 1}));
  const std::vector<base::Json> lines = bad_lines("run");
  ASSERT_EQ(lines.size(), 1u);
  EXPECT_THAT(lines[0].at("path").as_string(), HasSubstr("train/a/3.png"));
  EXPECT_THAT(lines[0].at("error").as_string(), HasSubstr("train/a/3.png: "));
  EXPECT_THAT(lines[0].at("replaced_by").as_string(),
              AllOf(HasSubstr("train/a/"), ::testing::Not(HasSubstr("/3.png"))));
}

TEST_F(BadImageRuns, ResumedAnywhereTheyHaveTheSameBitsCountsAndFile) {
  make_folder("train", {"a/3.png", "b/7.png"});
  train(options_of(config(), directory_ / "whole"));
  const std::string expected = read_text(directory_ / "whole" / "bad.jsonl");
  const std::vector<int64_t> counts = bad_of_epochs("whole");
  EXPECT_EQ(bad_lines("whole").size(), 2u);
  const auto file = [&](const std::string& run, int64_t step) {
    return directory_ / run / "checkpoints" / ("step_00000000" + std::to_string(step) + ".h5");
  };
  for (const int64_t step : {2, 3, 5}) {
    const std::string run = "from_" + std::to_string(step);
    fs::copy(directory_ / "whole", directory_ / run, fs::copy_options::recursive);
    // The state after a kill right after the save; with step 2 the kill also cut a line of
    // bad.jsonl.
    for (int64_t later = step + 1; later <= 6; ++later) fs::remove(file(run, later));
    if (step == 2) std::ofstream(directory_ / run / "bad.jsonl", std::ios::app) << "{\"path\": \"";
    const char* workers = step == 3 ? "runtime.workers=0" : "runtime.workers=3";
    TrainOptions options = options_of(config({workers}), directory_ / run);
    options.resume = file(run, step).string();
    train(options);
    EXPECT_EQ(read_text(directory_ / run / "bad.jsonl"), expected) << step;
    EXPECT_EQ(bad_of_epochs(run), counts) << step;
    EXPECT_EQ(read_text(file(run, 6)), read_text(file("whole", 6))) << step;
  }
}

TEST_F(BadImageRuns, ARunFromScratchStartsItsFileFromScratch) {
  make_folder("train", {"a/3.png"});
  train(options_of(config(), directory_ / "run"));
  TrainOptions again = options_of(config(), directory_ / "run");
  again.resume = "never";
  train(again);
  EXPECT_EQ(bad_lines("run").size(), 1u);
}

TEST_F(BadImageRuns, AboveTheLimitTheRunStopsWithTheCountsAndResumesWithAnother) {
  make_folder("train", {"a/3.png", "b/7.png", "b/8.png"});
  const std::string message = message_of<base::DataError>(options_of(config(), directory_ / "run"));
  EXPECT_THAT(message, AllOf(HasSubstr("found 3 bad images of 24 in epoch 1"),
                             HasSubstr("max_bad_fraction"), HasSubstr("bad.jsonl")));
  EXPECT_EQ(bad_lines("run").size(), 3u);
  const TrainResult result =
      train(options_of(config({"data.max_bad_fraction=0.125"}), directory_ / "run"));
  EXPECT_EQ(result.steps, 6);
  EXPECT_EQ(bad_of_epochs("run"), (std::vector<int64_t>{3, 3}));
  EXPECT_EQ(bad_lines("run").size(), 3u);
}

TEST_F(BadImageRuns, OnBadErrorStopsAtTheFirst) {
  make_folder("train", {"a/3.png"});
  EXPECT_THAT(
      message_of<base::DataError>(options_of(config({"data.on_bad=error"}), directory_ / "run")),
      HasSubstr("a/3.png"));
  EXPECT_FALSE(fs::exists(directory_ / "run" / "bad.jsonl"));
}

TEST_F(BadImageRuns, EvaluationCountsNamesAndNeverReplaces) {
  make_folder("train", {});
  make_folder("other", {"a/3.png", "b/11.png"});
  const std::string validation = "data.validation={\"format\": \"image_folder\", \"path\": \"" +
                                 (directory_ / "other").string() + "\"}";
  const auto is_complete = AllOf(HasSubstr("found 2 of 24 images unreadable"),
                                 HasSubstr("other/a/3.png"), HasSubstr("other/b/11.png"));
  EXPECT_THAT(message_of<base::DataError>(options_of(
                  config({validation, "checkpoint.every_steps=null"}), directory_ / "run")),
              is_complete);
  // The steps of the epoch are saved before the run ends.
  EXPECT_TRUE(fs::exists(directory_ / "run" / "checkpoints" / "step_000000003.h5"));

  train(options_of(config(), directory_ / "good"));
  EvaluateOptions options;
  options.checkpoint = (directory_ / "good" / "last.h5").string();
  options.data = (directory_ / "other").string();
  options.quiet = true;
  try {
    evaluate(options);
    ADD_FAILURE() << "no error";
  } catch (const base::DataError& error) {
    EXPECT_THAT(error.what(), is_complete);
  }
}

}  // namespace
}  // namespace swin::trainers
