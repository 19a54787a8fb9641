// Resume: 4 steps equal 2 + resume + 2, bit for bit, wherever and however the run was stopped.
#include <signal.h>

#include <algorithm>

#include "base/errors.h"
#include "files/checkpoint_file.h"
#include "tests/trainers/run_support.h"
#include "trainers/report/run_log.h"
#include "trainers/run/signals.h"

namespace swin::trainers {
namespace {

using namespace testing;
namespace fs = std::filesystem;

/// Stops a run after a step by a signal, as a job scheduler does.
TrainResult run_until(TrainOptions options, int64_t stop_at, int signal = SIGUSR1) {
  AfterStep after_step([=](int64_t step) {
    if (step == stop_at) raise(signal);
  });
  options.listeners = {&after_step};
  return train(options);
}

TEST(Resume, EqualsTheUninterruptedRunBitForBit) {
  const TemporaryDirectory directory;
  const Config config = micro_config();
  {
    const Threads threads(1);
    train(options_of(config, directory / "whole"));
  }
  const std::string expected = checkpoint_bytes(directory / "whole", 4);
  ASSERT_GT(expected.size(), 10000u);
  // Mid-epoch (1, 2), and between an epoch's last step and its evaluation (3).
  struct Case {
    int stop_at, before, after;
  };
  for (const auto& [stop_at, before, after] :
       {Case{1, 1, 1}, {2, 1, 1}, {2, 2, 2}, {2, 1, 2}, {2, 2, 1}, {3, 1, 2}}) {
    const fs::path run = directory / (std::to_string(stop_at) + "_" + std::to_string(before) + "_" +
                                      std::to_string(after));
    {
      const Threads threads(before);
      const TrainResult stopped = run_until(options_of(config, run), stop_at);
      ASSERT_EQ(stopped.exit_code, base::ExitCode::requeue);
      ASSERT_EQ(stopped.steps, stop_at);
    }
    const Threads threads(after);
    const TrainResult result = train(options_of(config, run));
    ASSERT_EQ(result.steps, 4);
    EXPECT_TRUE(checkpoint_bytes(run, 4) == expected)
        << "stopped at " << stop_at << ", threads " << before << ", " << after;
    EXPECT_EQ(fs::read_symlink(run / "best.h5"), fs::read_symlink(directory / "whole" / "best.h5"));
  }
}

TEST(Resume, HoldsForEveryArchitecture) {
  const TemporaryDirectory directory;
  for (const std::string name : {"swin_v2", "swin_mlp", "vit"}) {
    std::vector<std::string> sets = {"model.name=" + name};
    if (name == "vit")
      sets.insert(sets.end(), {"model.depths=[2]", "model.num_heads=[2]", "model.patch_size=4"});
    const Config config = micro_config(sets);
    const fs::path whole = directory / (name + "_whole"), run = directory / name;
    {
      const Threads threads(2);
      train(options_of(config, whole));
    }
    const Threads threads(1);
    run_until(options_of(config, run), 2);
    train(options_of(config, run));
    EXPECT_TRUE(checkpoint_bytes(run, 4) == checkpoint_bytes(whole, 4)) << name;
  }
}

TEST(Resume, HoldsWithEveryAugmentation) {
  const TemporaryDirectory directory;
  const std::vector<std::string> sets = {
      "augment={\"random_resized_crop\": {\"scale\": [0.3, 1]}, \"horizontal_flip\": 0.5, "
      "\"random_crop\": 1, \"auto_augment\": \"rand-m9-mstd0.5-inc1\", \"color_jitter\": 0.4, "
      "\"random_erasing\": 0.5, \"mixup\": 0.8, \"cutmix\": 1.0, \"repeats\": 3}",
      "trainer.micro_batch_size=3"};
  Config config = micro_config(sets);
  train(options_of(config, directory / "whole"));
  const std::string expected = checkpoint_bytes(directory / "whole", 4);
  for (const int stop_at : {1, 2}) {
    config.runtime.workers = stop_at + 1;
    const fs::path run = directory / std::to_string(stop_at);
    run_until(options_of(config, run), stop_at);
    const Threads threads(2);
    config.runtime.workers = 0;
    train(options_of(config, run));
    EXPECT_TRUE(checkpoint_bytes(run, 4) == expected) << stop_at;
  }
  // Mixing has an effect.
  train(
      options_of(micro_config({sets[0], sets[1], "augment.mixup_prob=0"}), directory / "unmixed"));
  EXPECT_FALSE(checkpoint_bytes(directory / "unmixed", 4) == expected);
}

TEST(Resume, WorkersChangeNoBit) {
  const TemporaryDirectory directory;
  train(options_of(micro_config(), directory / "a"));
  Config config = micro_config();
  config.runtime.workers = 3;
  train(options_of(config, directory / "b"));
  EXPECT_TRUE(checkpoint_bytes(directory / "a", 4) == checkpoint_bytes(directory / "b", 4));
}

TEST(Resume, OtherSeedsGiveOtherBits) {
  const TemporaryDirectory directory;
  train(options_of(micro_config(), directory / "a"));
  train(options_of(micro_config({"trainer.seed=1"}), directory / "b"));
  const auto head = [&](const char* run) {
    std::vector<float> values(160);
    files::CheckpointFile(directory / run / "last.h5").read_float32("model/head.weight", values);
    return values;
  };
  EXPECT_NE(head("a"), head("b"));
}

TEST(Resume, CutsTheLogBackToTheResumedStep) {
  const TemporaryDirectory directory;
  const fs::path run = directory / "run";
  TrainOptions options =
      options_of(micro_config({"checkpoint.every_steps=1", "checkpoint.keep_last=9"}), run);
  train(options);
  const auto expected = read_log(run);
  options.resume = (run / "checkpoints" / "step_000000002.h5").string();
  std::ofstream(run / "log.jsonl", std::ios::app) << "{\"step\": 9, \"cut by a ki";
  const std::string bytes = checkpoint_bytes(run, 4);
  EXPECT_EQ(train(options).steps, 4);
  const auto lines = read_log(run);
  ASSERT_EQ(lines.size(), expected.size());
  for (size_t i = 0; i < lines.size(); ++i) {
    EXPECT_EQ(lines[i].find("step") != nullptr, expected[i].find("step") != nullptr);
    EXPECT_EQ(lines[i].at("loss"), expected[i].at("loss")) << i;
  }
  EXPECT_TRUE(checkpoint_bytes(run, 4) == bytes);
}

TEST(RunLog, DropsLaterLinesAndACutOne) {
  const TemporaryDirectory directory;
  const fs::path path = directory / "log.jsonl";
  std::ofstream(path) << "{\"step\":1,\"epoch\":1}\n{\"step\":2,\"epoch\":1}\n{\"epoch\":1}\n"
                         "{\"step\":3,\"epoch\":2}\n{\"st";
  { const RunLog log(path, RunLog::up_to(2, 0)); }
  EXPECT_EQ(read_text(path), "{\"step\":1,\"epoch\":1}\n{\"step\":2,\"epoch\":1}\n");
  std::ofstream(path, std::ios::app) << "{\"step\":3";
  base::Json line = base::Json::object();
  line["step"] = 3;
  RunLog(path, RunLog::up_to(3, 1)).line(line);
  EXPECT_EQ(read_text(path),
            "{\"step\":1,\"epoch\":1}\n{\"step\":2,\"epoch\":1}\n" + base::to_text(line) + "\n");
}

TEST(Resume, AFinishedRunIsReportedAndUnchanged) {
  const TemporaryDirectory directory;
  const fs::path run = directory / "run";
  const TrainResult first = train(options_of(micro_config(), run));
  const std::string log = read_text(run / "log.jsonl"), record = read_text(run / "run.json");
  TrainOptions options = options_of(micro_config({"checkpoint.keep_last=1"}), run);
  options.quiet = false;
  ::testing::internal::CaptureStderr();
  const TrainResult again = train(options);
  EXPECT_NE(::testing::internal::GetCapturedStderr().find("is finished"), std::string::npos);
  EXPECT_TRUE(again.already_finished);
  EXPECT_EQ(again.exit_code, base::ExitCode::done);
  EXPECT_EQ(again.steps, 4);
  EXPECT_EQ(again.metrics, first.metrics);
  EXPECT_EQ(read_text(run / "log.jsonl"), log);
  EXPECT_EQ(read_text(run / "run.json"), record);
}

TEST(Resume, AnotherConfigIsRefusedWithTheDifference) {
  const TemporaryDirectory directory;
  const fs::path run = directory / "run";
  run_until(options_of(micro_config(), run), 2);
  const std::string message = message_of<base::UsageError>(
      [&] { train(options_of(micro_config({"optimizer.lr=0.001"}), run)); });
  EXPECT_NE(message.find("optimizer.lr is 0.001, was 0.002"), std::string::npos) << message;
  // runtime and checkpoint are not part of a run's identity.
  EXPECT_EQ(
      train(options_of(micro_config({"checkpoint.keep_last=1", "runtime.workers=0"}), run)).steps,
      4);
}

TEST(Resume, WithNeverTheRunStartsFromScratch) {
  const TemporaryDirectory directory;
  const fs::path run = directory / "run";
  run_until(options_of(micro_config(), run), 2);
  TrainOptions options = options_of(micro_config({"trainer.seed=3", "schedule.steps=3"}), run);
  options.resume = "never";
  int64_t first = 0;
  AfterStep after_step([&](int64_t step) { first = first ? first : step; });
  options.listeners = {&after_step};
  EXPECT_EQ(train(options).steps, 3);
  EXPECT_EQ(first, 1);
  EXPECT_EQ(read_log(run)[0].at("step").as_int(), 1);
}

TEST(Resume, ARefusedStartLeavesTheDirectoryAsItWas) {
  const TemporaryDirectory directory;
  const fs::path run = directory / "run";
  train(options_of(micro_config(), run));
  ASSERT_TRUE(fs::exists(run / "best.h5"));
  TrainOptions options = options_of(micro_config({"trainer.freeze=[\"nope*\"]"}), run);
  options.resume = "never";
  EXPECT_THROW(train(options), base::UsageError);
  EXPECT_TRUE(fs::exists(run / "best.h5"));
}

TEST(Resume, ADamagedNewestCheckpointIsSkippedWithAWarning) {
  const TemporaryDirectory directory;
  const fs::path run = directory / "run";
  const Config config = micro_config({"checkpoint.every_steps=1", "checkpoint.keep_last=9"});
  train(options_of(config, run));
  const std::string bytes = checkpoint_bytes(run, 4);
  const fs::path newest = run / "checkpoints" / "step_000000004.h5";
  fs::resize_file(newest, fs::file_size(newest) / 2);
  ::testing::internal::CaptureStderr();
  std::vector<int64_t> steps;
  TrainOptions options = options_of(config, run);
  AfterStep after_step([&](int64_t step) { steps.push_back(step); });
  options.listeners = {&after_step};
  train(options);
  const std::string said = ::testing::internal::GetCapturedStderr();
  EXPECT_NE(said.find("step_000000004.h5"), std::string::npos) << said;
  EXPECT_EQ(steps, std::vector<int64_t>{4});
  EXPECT_TRUE(checkpoint_bytes(run, 4) == bytes);
}

TEST(Resume, OtherNumericsGiveAWarning) {
  const TemporaryDirectory directory;
  const fs::path run = directory / "run";
  run_until(options_of(micro_config(), run), 2);
  const fs::path path = run / "checkpoints" / "step_000000002.h5";
  files::CheckpointContents contents;
  {
    const files::CheckpointFile file(path);
    contents.step = file.step();
    contents.epoch = file.epoch();
    for (const auto& entry : file.entries()) contents.arrays.push_back(file.read(entry.name));
    for (const std::string& name : file.meta_names()) {
      contents.meta.emplace_back(name, file.meta(name));
      if (name != "numerics") continue;
      base::Json numerics = base::parse_json(file.meta(name), name);
      numerics["blas"] = "elsewhere";
      contents.meta.back().second = base::to_text(numerics);
    }
    files::write_checkpoint(path, contents);
  }
  ::testing::internal::CaptureStderr();
  EXPECT_EQ(train(options_of(micro_config(), run)).steps, 4);
  const std::string said = ::testing::internal::GetCapturedStderr();
  EXPECT_NE(said.find("was \"elsewhere\""), std::string::npos) << said;
}

TEST(Resume, AResumeFileThatIsMissingIsAWeightError) {
  const TemporaryDirectory directory;
  TrainOptions options = options_of(micro_config(), directory / "run");
  options.resume = (directory / "absent.h5").string();
  EXPECT_THROW(train(options), base::WeightError);
}

TEST(Signals, SaveAndExitWithTheirCodes) {
  const TemporaryDirectory directory;
  for (const auto& [signal, code] : {std::pair{SIGINT, 130}, {SIGTERM, 85}, {SIGUSR1, 85}}) {
    const fs::path run = directory / std::to_string(signal);
    EXPECT_EQ(
        run_in_child([&, number = signal] {
          return static_cast<int>(run_until(options_of(micro_config(), run), 2, number).exit_code);
        }),
        code);
    EXPECT_EQ(files::CheckpointFile(run / "last.h5").step(), 2);
  }
}

TEST(Signals, ASecondOneExitsAtOnceWithoutSaving) {
  const TemporaryDirectory directory;
  const fs::path run = directory / "run";
  const int code = run_in_child([&] {
    TrainOptions options = options_of(micro_config(), run);
    AfterStep after_step([](int64_t) {
      raise(SIGINT);
      raise(SIGTERM);
    });
    options.listeners = {&after_step};
    train(options);
    return 0;
  });
  EXPECT_EQ(code, 128 + SIGTERM);
  EXPECT_TRUE(step_files(run).empty());
}

TEST(Signals, PreviousHandlersAreRestored) {
  struct sigaction before = {}, after = {};
  sigaction(SIGTERM, nullptr, &before);
  { const StopSignals signals; }
  sigaction(SIGTERM, nullptr, &after);
  EXPECT_EQ(before.sa_handler, after.sa_handler);
}

TEST(Resume, AKilledRunResumesFromItsNewestCheckpoint) {
  const TemporaryDirectory directory;
  const Config config = micro_config({"checkpoint.every_steps=2"});
  train(options_of(config, directory / "whole"));
  const fs::path run = directory / "run";
  EXPECT_EQ(run_in_child([&] {
              TrainOptions options = options_of(config, run);
              AfterStep after_step([](int64_t step) {
                if (step == 3) raise(SIGKILL);
              });
              options.listeners = {&after_step};
              train(options);
              return 0;
            }),
            -SIGKILL);
  EXPECT_EQ(train(options_of(config, run)).steps, 4);
  EXPECT_TRUE(checkpoint_bytes(run, 4) == checkpoint_bytes(directory / "whole", 4));
}

}  // namespace
}  // namespace swin::trainers
