// Whole runs: their files, logs and checkpoints.
#include <unistd.h>

#include <algorithm>
#include <cmath>
#include <limits>

#include "base/errors.h"
#include "base/pool.h"
#include "files/checkpoint_file.h"
#include "tests/trainers/run_support.h"
#include "trainers/run/numerics.h"
#include "trainers/run/run_directory.h"

namespace swin::trainers {
namespace {

using namespace testing;
namespace fs = std::filesystem;

TEST(Run, WritesAllPromisedFiles) {
  const TemporaryDirectory directory;
  const fs::path run = directory / "run";
  const TrainResult result = train(options_of(micro_config(), run));
  EXPECT_EQ(result.steps, 4);
  EXPECT_EQ(result.epochs, 1);
  EXPECT_EQ(result.exit_code, base::ExitCode::done);
  EXPECT_FALSE(result.already_finished);
  EXPECT_GT(result.images_per_second, 0);
  EXPECT_EQ(result.last, (run / "last.h5").string());
  EXPECT_EQ(result.best, (run / "best.h5").string());
  EXPECT_EQ(fs::read_symlink(run / "last.h5"), "checkpoints/step_000000004.h5");
  ASSERT_EQ(result.metrics.size(), 7u);
  EXPECT_EQ(result.metrics[0].first, "top1");

  int64_t step = 0, epochs = 0;
  for (const base::Json& line : read_log(run)) {
    if (line.find("step")) {
      EXPECT_EQ(line.at("step").as_int(), ++step);
      EXPECT_EQ(line.at("epoch").as_int(), step <= 3 ? 1 : 2);
      for (const char* key : {"loss", "lr", "grad_norm", "images_per_second", "data_wait_seconds"})
        EXPECT_TRUE(std::isfinite(line.at(key).as_real())) << key;
      EXPECT_GT(line.at("peak_memory_bytes").as_int(), 0);
    } else {
      EXPECT_EQ(line.at("epoch").as_int(), ++epochs);
      EXPECT_EQ(line.at("bad_images").as_int(), 0);
      for (const char* key : {"top1", "top5", "loss"}) EXPECT_TRUE(line.at(key).is_number());
    }
  }
  EXPECT_EQ(step, 4);
  EXPECT_EQ(epochs, 2);
  EXPECT_DOUBLE_EQ(read_log(run)[0].at("lr").as_real(), 2e-5);

  const base::Json config = base::parse_json(read_text(run / "config.json"), "config.json");
  EXPECT_EQ(config.at("model").at("num_classes").as_int(), 10);
  const base::Json record = base::parse_json(read_text(run / "run.json"), "run.json");
  EXPECT_EQ(record.at("command").as_string(), "test");
  EXPECT_TRUE(record.at("times").find("ended"));

  const files::CheckpointFile file(run / "last.h5");
  EXPECT_EQ(file.step(), 4);
  EXPECT_TRUE(file.contains("model/layers.0.blocks.1.attn.qkv.weight"));
  EXPECT_TRUE(file.contains("optimizer/exp_avg/head.bias"));
  EXPECT_TRUE(file.contains("optimizer/exp_avg_sq/head.bias"));
  const base::Json stored = base::parse_json(file.meta("config"), "meta");
  EXPECT_EQ(stored.find("runtime"), nullptr);
  EXPECT_EQ(base::parse_json(file.meta("class_names"), "meta").size(), 10u);
  EXPECT_EQ(base::parse_json(file.meta("numerics"), "meta"), numerics());
  EXPECT_NE(file.meta("dataset_fingerprint").find("train"), std::string::npos);
  EXPECT_EQ(base::parse_json(file.meta("metrics"), "meta").at("top1").as_real(),
            result.metrics[0].second);
}

TEST(Run, KeepsTheNewestCheckpointsAndTheBest) {
  const TemporaryDirectory directory;
  const fs::path run = directory / "run";
  // One step per epoch; with so small a learning rate no later evaluation beats the first.
  train(options_of(micro_config({"trainer.batch_size=24", "schedule.steps=5", "optimizer.lr=1e-12",
                                 "schedule.warmup_lr=0", "checkpoint.keep_last=2"}),
                   run));
  EXPECT_EQ(step_files(run), (std::vector<std::string>{"step_000000001.h5", "step_000000004.h5",
                                                       "step_000000005.h5"}));
  EXPECT_EQ(fs::read_symlink(run / "best.h5"), "checkpoints/step_000000001.h5");
}

TEST(Run, SavesEveryNSteps) {
  const TemporaryDirectory directory;
  const fs::path run = directory / "run";
  train(options_of(micro_config({"checkpoint.every_steps=2", "checkpoint.every_epochs=null",
                                 "checkpoint.keep_best=false", "checkpoint.keep_last=9"}),
                   run));
  EXPECT_EQ(step_files(run), (std::vector<std::string>{"step_000000002.h5", "step_000000004.h5"}));
  EXPECT_FALSE(fs::exists(run / "best.h5"));
}

TEST(Run, MicroBatchesAddUpToTheBatch) {
  const TemporaryDirectory directory;
  // Dropout and drop path are on: the draws of a sample do not depend on the micro-batches. Of
  // those with one image, many drop all that a block would compute.
  const std::vector<std::string> one = {"schedule.steps=1", "schedule.warmup_steps=0",
                                        "model.drop_path_rate=0.6"};
  train(options_of(micro_config(one), directory / "whole"));
  for (const char* size : {"4", "3", "1"}) {
    const fs::path run = directory / size;
    std::vector<std::string> sets = one;
    sets.push_back(std::string("trainer.micro_batch_size=") + size);
    train(options_of(micro_config(sets), run));
    const double expected = read_log(directory / "whole")[0].at("grad_norm").as_real();
    EXPECT_NEAR(read_log(run)[0].at("grad_norm").as_real(), expected, 1e-5 * expected);
    EXPECT_NEAR(read_log(run)[0].at("loss").as_real(),
                read_log(directory / "whole")[0].at("loss").as_real(), 1e-5);
    // After one step exp_avg is (1 − β₁) × the clipped gradient.
    const files::CheckpointFile a(directory / "whole" / "last.h5"), b(run / "last.h5");
    for (const auto& entry : a.entries()) {
      if (!entry.name.starts_with("optimizer/exp_avg/")) continue;
      int64_t n = 1;
      for (const int64_t dim : entry.shape) n *= dim;
      std::vector<float> x(static_cast<size_t>(n)), y(static_cast<size_t>(n));
      a.read_float32(entry.name, x);
      b.read_float32(entry.name, y);
      float largest = 0;
      for (const float v : x) largest = std::max(largest, std::abs(v));
      for (size_t i = 0; i < x.size(); ++i)
        ASSERT_NEAR(x[i], y[i], 2e-5f * largest + 1e-9f) << entry.name;
    }
  }
}

TEST(Run, ASteadyStepTakesNoNewBlockFromThePool) {
  const TemporaryDirectory directory;
  // Where drop path decides how many samples a block computes, sizes vary.
  for (const char* micro : {"null", "4"}) {
    TrainOptions options =
        options_of(micro_config({"schedule.steps=8", "model.drop_path_rate=0",
                                 std::string("trainer.micro_batch_size=") + micro}),
                   directory / micro);
    std::vector<int64_t> blocks;
    AfterStep after_step([&](int64_t) { blocks.push_back(base::pool_statistics().blocks_made); });
    options.listeners = {&after_step};
    train(options);
    ASSERT_EQ(blocks.size(), 8u);
    EXPECT_EQ(blocks[1], blocks[2]);
    // Step 3 ends an epoch; the first evaluation may take new blocks, later ones not.
    EXPECT_EQ(blocks[3], blocks[5]);
    EXPECT_EQ(blocks[5], blocks[7]);
  }
}

TEST(Run, ADirectoryInUseIsRefusedAndALeftoverLockIsNot) {
  const TemporaryDirectory directory;
  const fs::path run = directory / "run";
  {
    const RunDirectory held(run);
    const std::string message =
        message_of<base::UsageError>([&] { train(options_of(micro_config(), run)); });
    EXPECT_NE(message.find("process " + std::to_string(getpid())), std::string::npos) << message;
  }
  EXPECT_TRUE(fs::exists(run / "lock"));
  std::ofstream(run / "checkpoints" / ".step_000000001.h5.tmp.999999999") << "left by a kill";
  EXPECT_EQ(train(options_of(micro_config(), run)).steps, 4);
  for (const std::string& name : step_files(run)) EXPECT_TRUE(name.starts_with("step_")) << name;
}

TEST(Run, RefusesAConfigThatDoesNotFitTheData) {
  const TemporaryDirectory directory;
  EXPECT_THROW(train(options_of(micro_config({"trainer.batch_size=27"}), directory / "a")),
               base::DataError);
  EXPECT_THROW(train(options_of(micro_config({"model.num_classes=3"}), directory / "b")),
               base::UsageError);
  TrainOptions options = options_of(micro_config(), "");
  EXPECT_THROW(train(options), base::UsageError);
}

TEST(Run, AnOutputThatCannotBeMadeIsADiskError) {
  const TemporaryDirectory directory;
  std::ofstream(directory / "file") << "in the way";
  EXPECT_THROW(train(options_of(micro_config(), directory / "file" / "run")), base::DiskError);
}

TEST(Run, AFullDiskStopsTheRunAndLeavesItsCheckpoints) {
  const TemporaryDirectory directory;
  const fs::path run = directory / "run";
  TrainOptions options = options_of(micro_config({"schedule.steps=6"}), run);
  // From the fourth step on, files are limited to less than the size of a checkpoint, so that
  // writes fail as on a full disk. In a child process, because the limit cannot be lifted again.
  const int code = run_in_child([&] {
    AfterStep after_step([](int64_t step) {
      if (step == 4) swin::test::limit_file_size(16 << 10);
    });
    options.listeners = {&after_step};
    train(options);
    return 0;
  });
  EXPECT_EQ(code, 5);
  EXPECT_EQ(step_files(run), std::vector<std::string>{"step_000000003.h5"});
  EXPECT_NO_THROW(files::verify_checkpoint(run / "last.h5"));
}

TEST(Run, TheFirstValueThatIsNotFiniteIsNamedAndNothingIsSaved) {
  const TemporaryDirectory directory;
  const fs::path good = directory / "good", bad = directory / "bad";
  train(options_of(micro_config(), good));
  // A checkpoint with one infinite weight, as initial weights.
  const files::CheckpointFile file(good / "last.h5");
  files::CheckpointContents contents;
  for (const auto& entry : file.entries()) contents.arrays.push_back(file.read(entry.name));
  for (const std::string& name : file.meta_names())
    contents.meta.emplace_back(name, file.meta(name));
  std::vector<float> weight(8 * 16);
  const std::string name = "model/layers.0.blocks.1.mlp.fc1.weight";
  file.read_float32(name, weight);
  weight[5] = std::numeric_limits<float>::infinity();
  for (auto& array : contents.arrays)
    if (array.name == name) array = files::NamedArray::of(name, array.shape, weight);
  const fs::path init = directory / "infinite.h5";
  files::write_checkpoint(init, contents);

  TrainOptions options = options_of(micro_config({"init.checkpoint=" + init.string()}), bad);
  const std::string message = message_of<base::DivergedError>([&] { train(options); });
  EXPECT_EQ(message.find("step 1: layers.0.blocks.1.mlp.fc1/linear"), 0u) << message;
  EXPECT_TRUE(step_files(bad).empty());
}

TEST(Numerics, NamesWhatTheBitsDependOnAndDifferences) {
  const base::Json now = numerics();
  for (const char* key : {"blas", "blas_core", "onednn", "onednn_isa", "kernel_level",
                          "kernel_revision", "precision", "compiler"})
    EXPECT_TRUE(now.at(key).is_string()) << key;
  EXPECT_FALSE(now.at("blas_core").as_string().empty());
  EXPECT_EQ(numerics_difference(now, now), "");
  base::Json before = now;
  before["blas_core"] = "Z80";
  EXPECT_NE(numerics_difference(now, before).find("was \"Z80\""), std::string::npos);
}

}  // namespace
}  // namespace swin::trainers
