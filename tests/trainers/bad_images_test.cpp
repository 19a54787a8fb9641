// Runs on an image folder with unreadable files.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>

#include "data/decode/decode.h"
#include "files/checkpoint_file.h"
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

/// Validation on a folder, as `--set` texts.
class BadValidation : public BadImageRuns {
 protected:
  std::string validation(const std::string& name) {
    return "data.validation={\"format\": \"image_folder\", \"path\": \"" +
           (directory_ / name).string() + "\"}";
  }
  std::vector<base::Json> epochs(const std::string& run) {
    std::vector<base::Json> lines;
    for (const base::Json& line : read_log(directory_ / run))
      if (line.find("top1")) lines.push_back(line);
    return lines;
  }
  /// The folder `name` without some files, as another one.
  std::string without(const std::string& name, const std::vector<std::string>& files) {
    const std::string rest = name + "_rest";
    fs::copy(directory_ / name, directory_ / rest, fs::copy_options::recursive);
    for (const std::string& file : files) fs::remove(directory_ / rest / file);
    return rest;
  }
  EvaluateResult measured(const std::string& run, const std::string& data,
                          const std::vector<std::string>& sets = {}) {
    EvaluateOptions options;
    options.checkpoint = (directory_ / run / "last.h5").string();
    options.data = (directory_ / data).string();
    options.sets = sets;
    options.quiet = true;
    return evaluate(options);
  }
};

// In the first batch, in the middle and in the partial last one; and more than one.
TEST_F(BadValidation, TheMetricsAreThoseOfTheOthersToTheDigit) {
  make_folder("train", {});
  int number = 0;
  for (const std::vector<std::string>& bad : {std::vector<std::string>{"a/0.png"},
                                              {"b/9.png"},
                                              {"b/8.png"},
                                              {"a/3.png", "b/11.png"},
                                              {"a/0.png", "a/1.png"}}) {
    const std::string name = "val" + std::to_string(number++), run = "run_" + name;
    make_folder(name, bad);
    train(options_of(config({validation(name), "trainer.micro_batch_size=7"}), directory_ / run));
    const std::vector<base::Json> lines = epochs(run);
    ASSERT_EQ(lines.size(), 2u);
    for (const base::Json& line : lines) {
      EXPECT_EQ(line.at("validation_bad_images").as_int(), std::ssize(bad));
      EXPECT_EQ(line.at("bad_images").as_int(), 0);
    }
    ASSERT_EQ(bad_lines(run).size(), bad.size());  // once a run
    EXPECT_THAT(bad_lines(run)[0].at("path").as_string(), HasSubstr(name + "/" + bad[0]));
    EXPECT_TRUE(bad_lines(run)[0].at("replaced_by").is_null());
    const EvaluateResult rest = measured(run, without(name, bad));
    EXPECT_EQ(rest.images, 24 - std::ssize(bad));
    EXPECT_TRUE(rest.bad.empty());
    for (const auto& [metric, value] : rest.metrics)
      EXPECT_EQ(value, lines.back().at(metric).as_real()) << name << " " << metric;
    const EvaluateResult same = measured(run, name);
    EXPECT_EQ(same.metrics, rest.metrics);
    EXPECT_EQ(same.confusion, rest.confusion);
    EXPECT_EQ(same.images, rest.images);
    ASSERT_EQ(same.bad.size(), bad.size());
    EXPECT_THAT(same.bad[0].error, HasSubstr(bad[0]));
    EXPECT_EQ(to_json(same).at("bad_images").as_int(), std::ssize(bad));
  }
}

// A set of less than a batch is one forward of its own size, with and without its bad images.
TEST_F(BadValidation, ASetSmallerThanABatchHasTheMetricsOfTheOthers) {
  make_folder("train", {});
  make_folder("val", {"a/4.png", "b/0.png"});
  train(options_of(config(), directory_ / "run"));
  const std::vector<std::string> large = {"trainer.batch_size=64"};
  const EvaluateResult rest = measured("run", without("val", {"a/4.png", "b/0.png"}), large);
  EXPECT_EQ(measured("run", "val", large).metrics, rest.metrics);
  EXPECT_EQ(rest.images, 22);
}

TEST_F(BadValidation, AboveTheLimitARunSavesStopsAndGoesOnAfterTheRepair) {
  make_folder("train", {});
  make_folder("val", {"a/3.png", "b/7.png", "b/11.png"});
  make_folder("good", {});
  const Config stopped = config({validation("val"), "checkpoint.every_steps=null"});
  const std::string message = message_of<base::DataError>(options_of(stopped, directory_ / "run"));
  EXPECT_THAT(message, AllOf(HasSubstr("data.validation: found 3 of 24 images unreadable"),
                             HasSubstr("max_bad_fraction"), HasSubstr("val/a/3.png")));
  EXPECT_TRUE(fs::exists(directory_ / "run" / "checkpoints" / "step_000000003.h5"));
  EXPECT_EQ(bad_lines("run").size(), 3u);
  // "repair … then start the same command again"
  for (const char* file : {"a/3.png", "b/7.png", "b/11.png"})
    fs::copy_file(directory_ / "good" / file, directory_ / "val" / file,
                  fs::copy_options::overwrite_existing);
  EXPECT_EQ(train(options_of(stopped, directory_ / "run")).steps, 6);
  EXPECT_EQ(epochs("run").size(), 2u);
  EXPECT_EQ(epochs("run")[0].at("epoch").as_int(), 1);
  // The same bits as a run that never stopped.
  train(options_of(stopped, directory_ / "whole"));
  EXPECT_EQ(testing::checkpoint_bytes(directory_ / "run", 6),
            testing::checkpoint_bytes(directory_ / "whole", 6));
}

TEST_F(BadValidation, AnotherLimitAlsoLetsTheRunGoOn) {
  make_folder("train", {});
  make_folder("val", {"a/3.png", "b/7.png", "b/11.png"});
  message_of<base::DataError>(options_of(config({validation("val")}), directory_ / "run"));
  const Config more = config({validation("val"), "data.max_bad_fraction=0.125"});
  EXPECT_EQ(train(options_of(more, directory_ / "run")).validation_bad_images, 3);
}

TEST_F(BadValidation, OnBadErrorIsAnError) {
  make_folder("train", {});
  make_folder("val", {"b/7.png"});
  EXPECT_THAT(
      message_of<base::DataError>(
          options_of(config({validation("val"), "data.on_bad=error"}), directory_ / "run")),
      AllOf(HasSubstr("found 1 of 24 images unreadable, expected none"), HasSubstr("val/b/7.png")));
  EXPECT_TRUE(fs::exists(directory_ / "run" / "last.h5"));
}

TEST_F(BadValidation, WithoutAReadableImageThereIsNothingToMeasure) {
  make_folder("train", {});
  std::vector<std::string> all;
  for (const char* c : {"a/", "b/"})
    for (int i = 0; i < 12; ++i) all.push_back(c + std::to_string(i) + ".png");
  make_folder("val", all);
  EXPECT_THAT(message_of<base::DataError>(options_of(
                  config({validation("val"), "data.max_bad_fraction=1"}), directory_ / "run")),
              HasSubstr("found 24 of 24 images unreadable"));
  train(options_of(config(), directory_ / "good"));
  EXPECT_THROW(measured("good", "val"), base::DataError);
}

TEST_F(BadImageRuns, AboveTheLimitTheStepsBeforeAreSaved) {
  make_folder("train", {});
  const Config rare = config({"checkpoint.every_steps=null", "checkpoint.every_epochs=9"});
  TrainOptions options = options_of(rare, directory_ / "run");
  testing::AfterStep after_step([&](int64_t step) {  // the loader of epoch 2 starts after it
    if (step == 3)
      for (const char* file : {"a/3.png", "b/7.png", "b/8.png"})
        std::ofstream(directory_ / "train" / file) << "no image";
  });
  options.listeners = {&after_step};
  EXPECT_THAT(message_of<base::DataError>(options),
              AllOf(HasSubstr("in epoch 2"), HasSubstr("start the same command again")));
  EXPECT_GE(files::CheckpointFile(directory_ / "run" / "last.h5").step(), 3);
  make_folder("train", {});
  EXPECT_EQ(train(options_of(rare, directory_ / "run")).steps, 6);
}

}  // namespace
}  // namespace swin::trainers
