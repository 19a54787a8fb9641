// A run that takes a fraction of a second: a micro Swin on rendered shapes, in a temporary
// directory.
#pragma once
#include <gtest/gtest.h>
#include <stdlib.h>

#include <algorithm>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <functional>
#include <iterator>
#include <string>
#include <vector>

#include "base/parallel.h"
#include "tests/support/forked_child.h"
#include "tests/support/temporary_directory.h"
#include "trainers/run/train.h"

namespace swin::trainers::testing {

using swin::test::message_of;
using swin::test::read_text;
using swin::test::run_in_child;
using swin::test::TemporaryDirectory;

inline std::vector<base::Json> read_log(const std::filesystem::path& run) {
  std::vector<base::Json> lines;
  std::ifstream file(run / "log.jsonl");
  for (std::string line; std::getline(file, line);) lines.push_back(base::parse_json(line, "log"));
  return lines;
}

/// Two stages with shifted and masked windows, without padding; three steps per epoch and four in
/// all, so that the last epoch is cut short; dropout, drop path and augmentation are on.
inline Config micro_config(const std::vector<std::string>& sets = {}) {
  base::Json document = base::parse_json(R"({
    "model": {"image_size": 16, "patch_size": 2, "in_chans": 3, "embed_dim": 8, "depths": [2, 1],
              "num_heads": [1, 2], "window_size": 4, "mlp_ratio": 2, "drop_rate": 0.1,
              "attn_drop_rate": 0.1, "drop_path_rate": 0.2, "init_std": "fan_in"},
    "data": {"train": {"format": "synthetic", "samples": 26}, "validation": {"samples": 21}},
    "augment": {"random_crop": 2, "horizontal_flip": 0.5},
    "optimizer": {"lr": 0.002},
    "schedule": {"steps": 4, "warmup_steps": 2, "warmup_lr": 2e-5, "min_lr": 0},
    "trainer": {"batch_size": 8, "log_every_steps": 1}
  })",
                                         "micro.json");
  apply_sets(document, sets);
  return parse_config(document);
}

/// Calls a function after each step of a run, before evaluation and saving; it may raise a signal.
class AfterStep : public RunListener {
 public:
  explicit AfterStep(std::function<void(int64_t step)> function) : function_(std::move(function)) {}
  void step(const StepReport& report) override { function_(report.step); }

 private:
  std::function<void(int64_t step)> function_;
};

inline TrainOptions options_of(const Config& config, const std::filesystem::path& run) {
  TrainOptions options;
  options.config = config;
  options.output = run.string();
  options.command_line = "test";
  options.quiet = true;
  return options;
}

/// The bytes of a run's checkpoint; the test fails if it does not exist.
inline std::string checkpoint_bytes(const std::filesystem::path& run, int64_t step) {
  char name[64];
  std::snprintf(name, sizeof name, "checkpoints/step_%09d.h5", static_cast<int>(step));
  EXPECT_TRUE(std::filesystem::exists(run / name)) << (run / name);
  return read_text(run / name);
}

inline std::vector<std::string> step_files(const std::filesystem::path& run) {
  std::vector<std::string> names;
  for (const auto& entry : std::filesystem::directory_iterator(run / "checkpoints"))
    names.push_back(entry.path().filename().string());
  std::sort(names.begin(), names.end());
  return names;
}

/// Micro models gain nothing from a second thread, and on a busy machine every barrier waits for
/// it; tests of threads set their number.
inline const bool kOneThread = (base::set_num_threads(1), true);

/// Sets the number of threads, and restores the old one when destroyed.
class Threads {
 public:
  explicit Threads(int n) : before_(base::num_threads()) { base::set_num_threads(n); }
  ~Threads() { base::set_num_threads(before_); }

 private:
  int before_;
};

}  // namespace swin::trainers::testing
