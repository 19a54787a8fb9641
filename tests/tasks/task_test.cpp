#include "tasks/task.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <limits>

#include "base/errors.h"

namespace swin::tasks {
namespace {

using autograd::Tensor;

TaskConfig smoothing(double s) {
  TaskConfig config;
  config.label_smoothing = s;
  return config;
}

TEST(Classification, TargetsAreASmoothedDistribution) {
  const auto task = make_task(smoothing(0.2), 4);
  const Tensor targets = task->targets(std::vector<int64_t>{2, 0});
  ASSERT_EQ(targets.shape(), (autograd::Shape{2, 4}));
  const std::vector<float> expected = {0.05f, 0.05f, 0.85f, 0.05f, 0.85f, 0.05f, 0.05f, 0.05f};
  for (size_t i = 0; i < expected.size(); ++i) EXPECT_FLOAT_EQ(targets.data()[i], expected[i]);
}

// As in timm's mixup_target: labels are smoothed, then mixed with those of the reversed batch. The
// targets of a micro-batch are a part of the batch's.
TEST(Classification, TargetsOfAMixedBatchAreMixed) {
  const auto task = make_task(smoothing(0.3), 3);
  data::Batch batch;
  batch.size = 3;
  batch.labels = {0, 1, 2};
  batch.own_share = {0.75, 0.75, 0.75};
  const std::vector<float> expected = {0.625f, 0.1f,   0.275f, 0.1f,  0.8f,
                                       0.1f,   0.275f, 0.1f,   0.625f};
  for (const int64_t slice : {1, 2, 3}) {
    for (int64_t begin = 0; begin < 3; begin += slice) {
      const int64_t n = std::min(slice, 3 - begin);
      const Tensor targets = targets_of(*task, batch, begin, n);
      for (int64_t i = 0; i < n * 3; ++i)
        EXPECT_FLOAT_EQ(targets.data()[i], expected[static_cast<size_t>(begin * 3 + i)]);
    }
  }
  batch.own_share.clear();
  EXPECT_FLOAT_EQ(targets_of(*task, batch, 0, 3).data()[0], 0.8f);
}

TEST(Classification, LossIsTheMicroBatchsPartOfTheBatch) {
  const auto task = make_task(smoothing(0), 2);
  const Tensor logits = Tensor::from({1, 2}, std::vector<float>{1, 3});
  const Tensor loss = task->loss(logits, task->targets(std::vector<int64_t>{0}), 0.25f);
  EXPECT_NEAR(loss.data()[0], 0.25 * (std::log(std::exp(1.0) + std::exp(3.0)) - 1), 1e-6);
}

TEST(Classification, CountsTopOneTopFiveAndLossWithoutPadding) {
  const auto task = make_task(smoothing(0.1), 7);
  task->begin_metrics();
  const Tensor logits = Tensor::from({3, 7}, std::vector<float>{6, 5, 4, 3, 2, 1, 0,  //
                                                                6, 5, 4, 3, 2, 1, 0,  //
                                                                9, 9, 9, 9, 9, 9, 9});
  task->add_metrics(logits, std::vector<int64_t>{4, 0});  // fifth, first; the last row is padding
  task->add_metrics(logits, std::vector<int64_t>{5});     // sixth
  const Metrics metrics = task->metrics();
  ASSERT_EQ(metrics.size(), 3u);
  EXPECT_EQ(metrics[0], (std::pair<std::string, double>{"top1", 1.0 / 3}));
  EXPECT_EQ(metrics[1], (std::pair<std::string, double>{"top5", 2.0 / 3}));
  double log_sum = 0;
  for (int i = 0; i < 7; ++i) log_sum += std::exp(i);
  log_sum = std::log(log_sum);
  EXPECT_EQ(metrics[2].first, "loss");
  EXPECT_NEAR(metrics[2].second, ((log_sum - 2) + (log_sum - 6) + (log_sum - 1)) / 3, 1e-12);
  EXPECT_TRUE(task->larger_is_better("top1"));
  EXPECT_FALSE(task->larger_is_better("loss"));
}

TEST(Classification, TiesGoToTheFirstClassAndNaNIsWrong) {
  const auto task = make_task(smoothing(0), 2);
  task->begin_metrics();
  const float nan = std::numeric_limits<float>::quiet_NaN();
  task->add_metrics(Tensor::from({4, 2}, std::vector<float>{1, 1, 1, 1, nan, nan, nan, 0}),
                    std::vector<int64_t>{0, 1, 0, 0});
  EXPECT_DOUBLE_EQ(task->metrics()[0].second, 0.25);
}

TEST(Task, AnUnknownNameIsRefused) {
  TaskConfig config;
  config.name = "clasification";
  EXPECT_THROW(make_task(config, 2), base::UsageError);
}

}  // namespace
}  // namespace swin::tasks
