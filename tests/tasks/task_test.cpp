#include "tasks/task.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <limits>

#include "base/errors.h"
#include "tasks/classification.h"
#include "tasks/task_table.h"
#include "tests/tasks/tiny_model.h"

namespace swin::tasks {
namespace {

using autograd::Tensor;

/// A task of one block on images of one window.
std::unique_ptr<Classification> task_of(double label_smoothing, int64_t classes) {
  TaskConfig config;
  config.own.set("label_smoothing", {label_smoothing});
  return std::make_unique<Classification>(config, testing::tiny_model(classes), 0, false);
}

data::Batch labelled(const std::vector<int64_t>& labels) {
  data::Batch batch;
  batch.size = std::ssize(labels);
  batch.padded_size = {8, 8};
  batch.labels = labels;
  return batch;
}

TEST(Classification, TargetsAreASmoothedDistribution) {
  const auto task = task_of(0.2, 4);
  const Tensor targets = task->targets(std::vector<int64_t>{2, 0});
  ASSERT_EQ(targets.shape(), (autograd::Shape{2, 4}));
  const std::vector<float> expected = {0.05f, 0.05f, 0.85f, 0.05f, 0.85f, 0.05f, 0.05f, 0.05f};
  for (size_t i = 0; i < expected.size(); ++i) EXPECT_FLOAT_EQ(targets.data()[i], expected[i]);
}

// As in timm's mixup_target: labels are smoothed, then mixed with those of the reversed batch. The
// targets of a micro-batch are a part of the batch's.
TEST(Classification, TargetsOfAMixedBatchAreMixed) {
  const auto task = task_of(0.3, 3);
  data::Batch batch;
  batch.size = 3;
  batch.labels = {0, 1, 2};
  batch.own_share = {0.75, 0.75, 0.75};
  const std::vector<float> expected = {0.625f, 0.1f,   0.275f, 0.1f,  0.8f,
                                       0.1f,   0.275f, 0.1f,   0.625f};
  for (const int64_t slice : {1, 2, 3}) {
    for (int64_t begin = 0; begin < 3; begin += slice) {
      const int64_t n = std::min(slice, 3 - begin);
      const Tensor targets = task->targets_of({batch, begin, n});
      for (int64_t i = 0; i < n * 3; ++i)
        EXPECT_FLOAT_EQ(targets.data()[i], expected[static_cast<size_t>(begin * 3 + i)]);
    }
  }
  batch.own_share.clear();
  EXPECT_FLOAT_EQ(task->targets_of({batch, 0, 3}).data()[0], 0.8f);
}

TEST(Classification, LossIsTheMicroBatchsPartOfTheBatch) {
  const auto task = task_of(0, 2);
  const Tensor logits = Tensor::from({1, 2}, std::vector<float>{1, 3});
  const Tensor loss = task->loss_of(logits, task->targets(std::vector<int64_t>{0}), 0.25f);
  EXPECT_NEAR(loss.data()[0], 0.25 * (std::log(std::exp(1.0) + std::exp(3.0)) - 1), 1e-6);
}

TEST(Classification, CountsTopOneTopFiveAndLossWithoutPadding) {
  const auto task = task_of(0.1, 7);
  const auto meter = task->meter();
  const Tensor logits = Tensor::from({3, 7}, std::vector<float>{6, 5, 4, 3, 2, 1, 0,  //
                                                                6, 5, 4, 3, 2, 1, 0,  //
                                                                9, 9, 9, 9, 9, 9, 9});
  meter->add({{"logits", logits}}, labelled({4, 0}));  // fifth, first; the last row is padding
  meter->add({{"logits", logits}}, labelled({5}));     // sixth
  const Metrics metrics = meter->metrics();
  ASSERT_EQ(metrics.size(), 7u);
  EXPECT_EQ(metrics[0], (std::pair<std::string, double>{"top1", 1.0 / 3}));
  EXPECT_EQ(metrics[1], (std::pair<std::string, double>{"top5", 2.0 / 3}));
  double log_sum = 0;
  for (int i = 0; i < 7; ++i) log_sum += std::exp(i);
  log_sum = std::log(log_sum);
  EXPECT_EQ(metrics[2].first, "loss");
  EXPECT_NEAR(metrics[2].second, ((log_sum - 2) + (log_sum - 6) + (log_sum - 1)) / 3, 1e-12);
  EXPECT_TRUE(larger_is_better("classification", "top1"));
  EXPECT_FALSE(larger_is_better("classification", "loss"));
}

TEST(Classification, MeterHasTheMetricsOfClasses) {
  const auto task = task_of(0, 3);
  const auto meter = task->meter();
  const float nan = std::numeric_limits<float>::quiet_NaN();
  const Tensor logits = Tensor::from({4, 3}, std::vector<float>{std::log(2.0f), 0, 0,  //
                                                                0, std::log(2.0f), 0,  //
                                                                nan, nan, nan,         //
                                                                9, 9, 9});
  meter->add({{"logits", logits}}, labelled({0, 0, 1}));  // right, wrong, without an answer
  const Metrics metrics = meter->metrics();
  EXPECT_EQ(metrics[3], (std::pair<std::string, double>{"balanced_accuracy", 0.25}));
  EXPECT_EQ(metrics[4], (std::pair<std::string, double>{"macro_precision", 0.5}));
  EXPECT_EQ(metrics[5].first, "macro_f1");
  EXPECT_DOUBLE_EQ(metrics[5].second, (2.0 / 3 + 0) / 2);
  EXPECT_EQ(metrics[6].first, "ece");
  EXPECT_NEAR(metrics[6].second, 0, 1e-6);  // two answers of 1/2, one of them right
  EXPECT_FALSE(larger_is_better("classification", "ece"));
  EXPECT_TRUE(larger_is_better("classification", "macro_f1"));
  ASSERT_EQ(meter->per_class().size(), 3u);
  EXPECT_EQ(meter->per_class()[0][1], (std::pair<std::string, double>{"recall", 0.5}));
  EXPECT_EQ(meter->confusion(), (std::vector<ConfusionEntry>{{0, 0, 1}, {0, 1, 1}}));
  EXPECT_EQ(meter->calibration().size(), 15u);

  const std::span<const Judged> judged = meter->latest();
  ASSERT_EQ(judged.size(), 3u);
  EXPECT_TRUE(judged[0].right);
  EXPECT_FALSE(judged[1].right);
  EXPECT_EQ(judged[1].labels, std::vector<int64_t>{0});
  EXPECT_EQ(judged[1].predictions, std::vector<int64_t>{1});
  EXPECT_EQ(judged[1].class_index, 1);
  EXPECT_NEAR(judged[1].probability, 0.5, 1e-6);
  EXPECT_NEAR(judged[1].loss, std::log(4.0), 1e-6);
  EXPECT_FALSE(judged[2].right);
  EXPECT_TRUE(judged[2].predictions.empty());
}

TEST(Classification, TiesGoToTheFirstClassAndNaNIsWrong) {
  const auto task = task_of(0, 2);
  const auto meter = task->meter();
  const float nan = std::numeric_limits<float>::quiet_NaN();
  const Tensor logits = Tensor::from({4, 2}, std::vector<float>{1, 1, 1, 1, nan, nan, nan, 0});
  meter->add({{"logits", logits}}, labelled({0, 1, 0, 0}));
  EXPECT_DOUBLE_EQ(meter->metrics()[0].second, 0.25);
}

TEST(Classification, TargetRowsReplaceLabels) {
  const auto task = task_of(0.3, 2);
  data::Batch batch = labelled({0, 1});
  batch.target_rows = {0.25f, 0.75f, 1, 0};
  EXPECT_EQ(task->targets_of({batch, 1, 1}).values(), (std::vector<real>{1, 0}));
  EXPECT_EQ(task->targets_of({batch, 0, 1}).values(), (std::vector<real>{0.25f, 0.75f}));
}

TEST(Classification, AnswersStartWithTheMostProbableClass) {
  const auto task = task_of(0, 3);
  const Tensor logits = Tensor::from({2, 3}, std::vector<float>{0, 1, 0, 2, 0, 0});
  const std::vector<Answer> answers = task->answers({{"logits", logits}});
  ASSERT_EQ(answers.size(), 2u);
  EXPECT_EQ(answers[0].classes[0].index, 1);
  EXPECT_EQ(answers[0].classes[1].index, 0);  // of equal ones the first
  EXPECT_EQ(answers[1].classes[0].index, 0);
  EXPECT_NEAR(answers[1].classes[0].probability, std::exp(2.0) / (std::exp(2.0) + 2), 1e-7);
}

// The sum over slices is the loss of the batch, and images are those of the slice.
TEST(Classification, LossesOfSlicesAddUp) {
  const auto task = task_of(0.1, 3);
  data::Batch batch = labelled({0, 2, 1});
  batch.images.resize(3 * 8 * 8 * 3);
  for (size_t i = 0; i < batch.images.size(); ++i)
    batch.images[i] = std::sin(static_cast<float>(i * i % 91));
  const Count count = task->count(batch);
  const double whole = task->loss({batch, 0, 3}, {}, count)[0].value.data()[0];
  double sum = 0;
  for (int64_t i = 0; i < 3; ++i) sum += task->loss({batch, i, 1}, {}, count)[0].value.data()[0];
  EXPECT_NEAR(sum, whole, 1e-6);
  EXPECT_GT(whole, 0.1);
}

TEST(Task, EveryRowHasAFactoryAndItsMetrics) {
  for (const TaskRow& row : task_rows()) {
    TaskConfig config;
    config.name = row.name;
    config.own.set("mask_patch_size",
                   {4});  // of simmim: the default does not fit so small an image
    config.own.set("anchors.sizes", {8, 16});  // of detection: of one stage, and one level more
    const auto task = make_task(config, testing::tiny_model(2), 0, false);
    std::vector<std::string> names, metered;
    for (const MetricRow& metric : row.metrics) names.emplace_back(metric.name);
    for (const auto& [name, value] : task->meter()->metrics()) metered.push_back(name);
    EXPECT_THAT(metered, ::testing::UnorderedElementsAreArray(names)) << row.name;
  }
}

TEST(Task, AnUnknownNameIsRefused) {
  TaskConfig config;
  config.name = "clasification";
  EXPECT_THROW(make_task(config, testing::tiny_model(2), 0, false), base::UsageError);
}

}  // namespace
}  // namespace swin::tasks
