// RUN/summary.csv: a row for each epoch, also after a resume.
#include "trainers/report/summary_csv.h"

#include <signal.h>

#include <cmath>
#include <sstream>

#include "tests/trainers/run_support.h"

namespace swin::trainers {
namespace {

using namespace testing;
namespace fs = std::filesystem;

std::vector<std::vector<std::string>> cells(const fs::path& path) {
  std::vector<std::vector<std::string>> rows;
  std::istringstream file(read_text(path));
  for (std::string line; std::getline(file, line);) {
    rows.emplace_back();
    std::istringstream stream(line + ",");
    for (std::string cell; std::getline(stream, cell, ',');) rows.back().push_back(cell);
  }
  return rows;
}

/// The table without images_per_second and evaluate_seconds, which no two runs share.
std::string reproducible(const fs::path& run) {
  std::string text;
  for (const auto& row : cells(run / "summary.csv"))
    for (size_t i = 0; i < row.size(); ++i)
      if (i != 3 && i != 4) text += row[i] + (i + 1 < row.size() ? "," : "\n");
  return text;
}

TEST(SummaryCsv, HasTheMeansOfTheStepsAndTheMetrics) {
  const TemporaryDirectory directory;
  train(options_of(micro_config(), directory.path()));
  const auto rows = cells(directory / "summary.csv");
  ASSERT_EQ(rows.size(), 3u);
  const std::vector<std::string> first = {
      "epoch", "step", "lr", "images_per_second", "evaluate_seconds", "train_loss"};
  ASSERT_GT(rows[0].size(), first.size());
  EXPECT_TRUE(std::equal(first.begin(), first.end(), rows[0].begin()));
  double sum = 0;
  std::string top1, lr;
  for (const base::Json& line : read_log(directory.path())) {
    if (line.find("top1") && line.at("epoch").as_int() == 1) top1 = base::to_text(line.at("top1"));
    if (!line.find("step") || line.at("epoch").as_int() > 1) continue;
    sum += line.at("loss").as_real();
    lr = base::to_text(line.at("lr"));
  }
  EXPECT_EQ(rows[1][0], "1");
  EXPECT_EQ(rows[1][1], "3");
  EXPECT_EQ(rows[1][2], lr);
  EXPECT_GT(std::stod(rows[1][3]), 0);
  EXPECT_EQ(rows[1][5], base::to_text(sum / 3));
  EXPECT_EQ(rows[0][6], "validation_top1");
  EXPECT_EQ(rows[1][6], top1);
  EXPECT_EQ(rows[2][0], "2");
  EXPECT_EQ(rows[2][1], "4");
}

// Stopped within an epoch, before its evaluation, or killed; resumed from a step that is long past.
TEST(SummaryCsv, IsTheSameAfterAResume) {
  const TemporaryDirectory directory;
  const std::vector<std::string> sets = {"checkpoint.every_steps=1", "checkpoint.keep_last=9"};
  train(options_of(micro_config(sets), directory / "whole"));
  const std::string expected = reproducible(directory / "whole");
  const fs::path run = directory / "run";
  for (const auto& [step, signal] :
       {std::pair{1, SIGUSR1}, {2, SIGKILL}, {3, SIGUSR1}, {4, SIGKILL}}) {
    fs::remove_all(run);
    const int ended = run_in_child([&, at = step, number = signal] {
      AfterStep after_step([&](int64_t done) {
        if (done == at) raise(number);
      });
      TrainOptions options = options_of(micro_config(sets), run);
      options.listeners = {&after_step};
      return static_cast<int>(train(options).exit_code);
    });
    EXPECT_EQ(ended, signal == SIGKILL ? -SIGKILL : step == 4 ? 0 : 85) << step;
    train(options_of(micro_config(sets), run));
    EXPECT_EQ(reproducible(run), expected) << step;
  }
  TrainOptions options = options_of(micro_config(sets), run);
  for (const char* step : {"step_000000003.h5", "step_000000001.h5"}) {
    options.resume = (run / "checkpoints" / step).string();
    train(options);
    EXPECT_EQ(reproducible(run), expected) << step;
  }
}

TEST(SummaryCsv, ARunFromScratchDropsTheRowsOfAnother) {
  const TemporaryDirectory directory;
  train(options_of(micro_config(), directory.path()));
  SummaryCsv(directory / "summary.csv", directory / "absent.jsonl", 1);
  EXPECT_EQ(cells(directory / "summary.csv").size(), 2u);
  SummaryCsv(directory / "summary.csv", directory / "absent.jsonl", 0);
  EXPECT_FALSE(fs::exists(directory / "summary.csv"));
}

TEST(SummaryCsv, TakesNewColumnsAndLeavesCellsEmpty) {
  const TemporaryDirectory directory;
  const fs::path path =
      directory.write("summary.csv", "epoch,step,validation_old\r\n1,3,0.5\r\n2,6,0.25\r\n");
  SummaryCsv summary(path, directory / "absent.jsonl", 1);
  summary.step({.step = 4, .epoch = 2, .losses = {{"loss", 2}}, .learning_rate = 0.5});
  summary.step({.step = 5,
                .epoch = 2,
                .losses = {{"loss", 1}},
                .learning_rate = 0.25,
                .images = 8,
                .seconds = 2});
  summary.evaluated({.epoch = 2, .metrics = tasks::Metrics{{"top1", NAN}}, .step = 5});
  EXPECT_EQ(read_text(path),
            "epoch,step,validation_old,lr,images_per_second,evaluate_seconds,train_loss,"
            "validation_top1\n1,3,0.5,,,,,\n2,5,,0.25,4.0,0.0,1.5,\n");
}

}  // namespace
}  // namespace swin::trainers
