// RUN/tensorboard: the numbers of log.jsonl, no step twice after a resume, and nothing unless
// asked.
#include "trainers/report/tensorboard.h"

#include <signal.h>

#include <map>

#include "base/errors.h"
#include "files/checkpoint_file.h"
#include "tests/trainers/run_support.h"
#include "trainers/report/evaluation_report.h"

namespace swin::trainers {
namespace {

using namespace testing;
namespace fs = std::filesystem;

std::vector<fs::path> files_in(const fs::path& folder) {
  std::vector<fs::path> files;
  for (const auto& entry : fs::directory_iterator(folder)) files.push_back(entry.path());
  std::sort(files.begin(), files.end());
  return files;
}

/// How often a tag has a value at a step, in all files of a folder; each is whole.
using Points = std::map<std::pair<std::string, int64_t>, int>;
Points points(const fs::path& folder) {
  Points found;
  for (const fs::path& path : files_in(folder)) {
    const int64_t bytes = read_events(path, [&](const EventContent& event) {
      for (const std::string& tag : event.tags) ++found[{tag, event.step}];
      return true;
    });
    EXPECT_EQ(bytes, static_cast<int64_t>(fs::file_size(path))) << path;
  }
  return found;
}

/// What the events of a folder must have: the numbers of log.jsonl once each, and a config.
void expect_equal_to_log(const fs::path& run, int64_t last_step) {
  const Points found = points(run / "tensorboard");
  for (const auto& [point, times] : found) {
    EXPECT_EQ(times, 1) << point.first << " at step " << point.second;
    EXPECT_LE(point.second, last_step);
  }
  int64_t steps = 0;
  for (const base::Json& line : read_log(run)) {
    if (!line.find("step")) continue;
    ++steps;
    for (const char* tag : {"train/loss", "lr", "grad_norm", "images_per_second",
                            "data_wait_seconds", "peak_memory_bytes"})
      EXPECT_TRUE(found.contains({tag, line.at("step").as_int()})) << tag;
  }
  EXPECT_EQ(steps, last_step);
  for (const int64_t step : {3, 4}) {  // the ends of the epochs
    EXPECT_EQ(found.contains({"validation/top1", step}), step <= last_step) << step;
    EXPECT_EQ(found.contains({"parameters/head.weight", step}), step <= last_step) << step;
    EXPECT_EQ(found.contains({"gradients/head.weight", step}), step <= last_step) << step;
  }
  EXPECT_FALSE(found.contains({"validation/top1", 2}));
  EXPECT_TRUE(found.contains({"config", 0}));
}

Config config_with_events() {
  return micro_config(
      {"trainer.tensorboard=true", "checkpoint.every_steps=1", "checkpoint.keep_last=9"});
}

/// All weights and the state of the optimizer. The files differ in the config.
std::map<std::string, std::string> arrays(const fs::path& run) {
  std::map<std::string, std::string> found;
  const files::CheckpointFile file(run / "last.h5");
  for (const auto& entry : file.entries()) {
    const files::NamedArray array = file.read(entry.name);
    found[entry.name].assign(reinterpret_cast<const char*>(array.bytes.data()), array.bytes.size());
  }
  EXPECT_GT(found.size(), 20u);
  return found;
}

TEST(TensorBoard, SaysWhatTheLogSaysAndChangesNoBit) {
  const TemporaryDirectory directory;
  const fs::path run = directory / "run", without = directory / "without";
  train(options_of(config_with_events(), run));
  expect_equal_to_log(run, 4);
  train(options_of(micro_config(), without));
  EXPECT_FALSE(fs::exists(without / "tensorboard"));
  EXPECT_TRUE(arrays(run) == arrays(without));
}

// The value of a scalar: the float behind its tag.
TEST(TensorBoard, WritesTheNumbersOfALine) {
  const TemporaryDirectory directory;
  const layers::Parameters parameters;
  TensorBoard events(directory / "events", {}, base::Json::object(), parameters);
  base::Json line = base::Json::object();
  line["step"] = 10;
  line["epoch"] = 1;
  line["loss"] = 0.75;
  line["images_per_second"] = base::Json();  // NaN
  events.log_line(line);
  const std::string bytes = read_text(files_in(directory / "events").at(0));
  EXPECT_NE(bytes.find(std::string("train/loss\x15\x00\x00\x40\x3f", 15)), std::string::npos);
  EXPECT_EQ(points(directory / "events"), (Points{{{"config", 0}, 1}, {{"train/loss", 10}, 1}}));
}

TEST(TensorBoard, HasNoStepTwiceHoweverOftenARunIsResumed) {
  const TemporaryDirectory directory;
  const fs::path run = directory / "run";
  TrainOptions options = options_of(config_with_events(), run);
  train(options);
  for (const int64_t step : {1, 3, 2, 2, 3, 3}) {
    char name[64];
    std::snprintf(name, sizeof name, "checkpoints/step_%09d.h5", static_cast<int>(step));
    options.resume = (run / name).string();
    // Of a process that was killed while it wrote.
    std::ofstream(files_in(run / "tensorboard").back(), std::ios::app) << "\x40 a part of a record";
    train(options);
    expect_equal_to_log(run, 4);
  }
  options.resume = "never";
  train(options);
  expect_equal_to_log(run, 4);
  EXPECT_EQ(files_in(run / "tensorboard").size(), 1u);
}

TEST(TensorBoard, HasNoStepTwiceAfterAKill) {
  const TemporaryDirectory directory;
  const fs::path run = directory / "run";
  const Config config = micro_config({"trainer.tensorboard=true", "checkpoint.every_steps=2"});
  EXPECT_EQ(run_in_child([&] {
              AfterStep after_step([](int64_t step) {
                if (step == 3) raise(SIGKILL);
              });
              TrainOptions options = options_of(config, run);
              options.listeners = {&after_step};
              train(options);
              return 0;
            }),
            -SIGKILL);
  EXPECT_TRUE(points(run / "tensorboard").contains({"train/loss", 3}));
  train(options_of(config, run));
  expect_equal_to_log(run, 4);
}

// A signal comes after the last step of an epoch; the next process evaluates, and is killed before
// its first checkpoint; or after it, and then the evaluation is not made again.
TEST(TensorBoard, HasAnEvaluationOnceThatAResumedRunMadeUp) {
  for (const int killed_at : {3, 4}) {
    const TemporaryDirectory directory;
    const fs::path run = directory / "run";
    const auto child = [&](auto when) {
      return run_in_child([&] {
        TrainOptions options = options_of(
            micro_config({"trainer.tensorboard=true", "checkpoint.keep_best=false"}), run);
        options.listeners = {&when};
        return static_cast<int>(train(options).exit_code);
      });
    };
    EXPECT_EQ(child(AfterStep([](int64_t step) {
                if (step == 3) raise(SIGUSR1);
              })),
              85);
    struct KillAfterEvaluation : RunListener {
      explicit KillAfterEvaluation(int at) : step(at) {}
      void evaluated(const EpochReport& report) override {
        if (report.step == step) raise(SIGKILL);
      }
      int64_t step;
    };
    EXPECT_EQ(child(KillAfterEvaluation(killed_at)), -SIGKILL);
    EXPECT_TRUE(points(run / "tensorboard").contains({"validation/top1", killed_at}));
    EXPECT_EQ(child(AfterStep([](int64_t) {})), 0);
    expect_equal_to_log(run, 4);
  }
}

TEST(TensorBoard, IsCutBackEvenWhereItIsSwitchedOff) {
  const TemporaryDirectory directory;
  const fs::path run = directory / "run";
  train(options_of(config_with_events(), run));
  TrainOptions options = options_of(micro_config(), run);
  options.resume = (run / "checkpoints" / "step_000000001.h5").string();
  train(options);
  const Points found = points(run / "tensorboard");
  EXPECT_TRUE(found.contains({"lr", 1}));
  EXPECT_FALSE(found.contains({"lr", 2}));
}

TEST(TensorBoard, AFolderThatCannotBeMadeIsADiskErrorAndTheRunGoesOnLater) {
  const TemporaryDirectory directory;
  const fs::path run = directory / "run";
  train(options_of(config_with_events(), run));
  const auto last = arrays(run);
  fs::remove_all(run / "tensorboard");
  std::ofstream(run / "tensorboard") << "in the way";
  TrainOptions options = options_of(config_with_events(), run);
  options.resume = (run / "checkpoints" / "step_000000002.h5").string();
  const std::string message = message_of<base::DiskError>([&] { train(options); });
  EXPECT_NE(message.find("tensorboard"), std::string::npos) << message;
  EXPECT_EQ(read_log(run).size(), 6u);
  EXPECT_TRUE(arrays(run) == last);
  options.config.trainer.tensorboard = false;
  EXPECT_EQ(train(options).steps, 4);
  EXPECT_TRUE(arrays(run) == last);
}

TEST(TensorBoard, AFileThatCannotBeReadIsADiskErrorAndStays) {
  const TemporaryDirectory directory;
  const fs::path file = directory / "events.out.tfevents.1.swin";
  fs::create_symlink("absent", file);
  const std::string message =
      message_of<base::DiskError>([&] { cut_events(directory.path(), {.step = 3}); });
  EXPECT_NE(message.find("cannot be cut back (No such file"), std::string::npos) << message;
  EXPECT_TRUE(fs::is_symlink(file));
}

TEST(TensorBoard, AFullDiskIsADiskErrorAndWholeRecordsStay) {
  const TemporaryDirectory directory;
  const fs::path run = directory / "run";
  EXPECT_EQ(run_in_child([&] {
              const layers::Parameters parameters;
              TensorBoard events(run, {}, base::Json::object(), parameters);
              swin::test::limit_file_size(400);
              base::Json line = base::Json::object();
              line["loss"] = 1.0;
              for (int step = 1;; ++step) {
                line["step"] = step;
                events.log_line(line);
              }
              return 0;
            }),
            5);
  EXPECT_TRUE(points(run).contains({"train/loss", 2}));  // which expects whole records
}

data::Image picture(int64_t height, int64_t width, int64_t channels) {
  data::Image image;
  image.reshape(height, width, channels);
  std::fill(image.pixels.begin(), image.pixels.end(), uint8_t{200});
  return image;
}

TEST(TensorBoard, ShowsClassesAndPicturesOfAnEvaluation) {
  const TemporaryDirectory directory;
  const layers::Parameters parameters;
  EvaluationReport evaluation;
  evaluation.class_names = {"a", "a", "b\x01\xff"};
  evaluation.per_class = {{{"recall", 0.5}, {"support", 4}}, {{"recall", 1}}, {{"recall", -1}}};
  evaluation.worst = {{"x.png", "a, taken for a word that is long (98.1%)", picture(28, 28, 1)},
                      {"y.png", "b", picture(200, 300, 3)}};
  evaluation.answers = {{"x.png", "", picture(20, 256, 3)}};
  EpochReport report{
      .epoch = 2, .metrics = tasks::Metrics{{"top1", 0.5}, {"loss", NAN}}, .step = 6};
  report.evaluation = &evaluation;
  TensorBoard events(directory / "events", {}, base::Json::object(), parameters);
  events.evaluated(report);
  const auto once = [](const char* tag) {
    return std::pair{std::pair{std::string(tag), int64_t{6}}, 1};
  };
  Points expected = {once("validation/top1"),        once("validation/bad_images"),
                     once("epoch/evaluate_seconds"), once("epoch/bad_images"),
                     once("validation_recall/a"),    once("validation_recall/a (1)"),
                     once("validation/worst"),       once("validation/answers")};
  expected[{"config", 0}] = 1;
  EXPECT_EQ(points(directory / "events"), expected);
  // Of many classes there are no scalars.
  evaluation.class_names.assign(21, "c");
  evaluation.per_class.assign(21, {{"recall", 0.5}});
  report.step = 9;
  events.evaluated(report);
  EXPECT_FALSE(points(directory / "events").contains({"validation_recall/c", 9}));
  EXPECT_TRUE(points(directory / "events").contains({"validation/top1", 9}));
}

}  // namespace
}  // namespace swin::trainers
