// Several labels per image: targets, loss and metrics.
#include "tasks/multi_label.h"

#include <gtest/gtest.h>

#include <cmath>

#include "tasks/task_table.h"
#include "tests/tasks/tiny_model.h"

namespace swin::tasks {
namespace {

std::unique_ptr<MultiLabelClassification> task_of(double smoothing, int64_t classes) {
  TaskConfig config;
  config.name = "multi_label_classification";
  config.own.set("label_smoothing", {smoothing});
  return std::make_unique<MultiLabelClassification>(config, testing::tiny_model(classes), 0, false);
}

data::Batch labelled(int64_t size, const std::vector<int64_t>& labels) {
  data::Batch batch;
  batch.size = size;
  batch.labels = labels;
  return batch;
}

TEST(MultiLabel, TargetsAreSmoothedRows) {
  const Tensor targets = task_of(0.2, 3)->targets(std::vector<int64_t>{1, 0, 1, 0, 0, 0});
  ASSERT_EQ(targets.shape(), (autograd::Shape{2, 3}));
  const std::vector<float> expected = {0.9f, 0.1f, 0.9f, 0.1f, 0.1f, 0.1f};
  for (size_t i = 0; i < expected.size(); ++i) EXPECT_FLOAT_EQ(targets.data()[i], expected[i]);
}

TEST(MultiLabel, LossIsTheMeanOverClasses) {
  const auto task = task_of(0, 2);
  const Tensor logits = Tensor::from({1, 2}, std::vector<float>{1, -3});
  const Tensor loss = task->loss_of(logits, task->targets(std::vector<int64_t>{1, 1}), 0.25f);
  const double first = std::log(1 + std::exp(-1.0)), second = std::log(1 + std::exp(3.0));
  EXPECT_NEAR(loss.data()[0], 0.25 * (first + second) / 2, 1e-6);
}

TEST(MultiLabel, Metrics) {
  const auto task = task_of(0.3, 3);
  const auto meter = task->meter();
  // The last row is padding; class 2 never occurs and is left out of the mean average precision.
  const Tensor first = Tensor::from({3, 3}, std::vector<float>{3, -1, -2,  //
                                                               2, 1, 1,    //
                                                               9, 9, 9});
  meter->add({{"logits", first}}, labelled(2, {1, 0, 0, 0, 1, 0}));
  const Tensor second = Tensor::from({1, 3}, std::vector<float>{1, 1, -4});
  meter->add({{"logits", second}}, labelled(1, {1, 0, 0}));
  const Metrics metrics = meter->metrics();
  ASSERT_EQ(metrics.size(), 7u);
  EXPECT_EQ(metrics[0].first, "mean_average_precision");
  // Class 0 ranks yes, no, yes: (1 + 2/3) / 2. Class 1: its one yes ties with a no: 1/2.
  EXPECT_NEAR(metrics[0].second, ((1 + 2.0 / 3) / 2 + 0.5) / 2, 1e-12);
  EXPECT_EQ(metrics[1].first, "micro_f1");
  EXPECT_NEAR(metrics[1].second, 2.0 * 3 / (2 * 3 + 3), 1e-12);  // 3 true and 3 false positives
  EXPECT_EQ(metrics[2].first, "loss");
  const auto no = [](double x) { return std::log(1 + std::exp(x)); };
  EXPECT_NEAR(metrics[2].second,
              (no(-3) + no(-1) + no(-2) + no(2) + no(-1) + no(1) + no(-1) + no(1) + no(-4)) / 9,
              1e-9);
  EXPECT_TRUE(larger_is_better("multi_label_classification", "mean_average_precision"));
  EXPECT_FALSE(larger_is_better("multi_label_classification", "loss"));
  EXPECT_EQ(task->meter()->metrics()[2].second, 0);
}

TEST(MultiLabel, MeterHasTheMetricsOfClasses) {
  const auto task = task_of(0, 3);
  const auto meter = task->meter();
  // No image has class 2; all images have class 1.
  const Tensor logits = Tensor::from({3, 3}, std::vector<float>{3, 1, -2,  //
                                                                -1, 2, 1,  //
                                                                2, -4, -1});
  meter->add({{"logits", logits}}, labelled(3, {1, 1, 0, 1, 1, 0, 0, 1, 0}));
  const Metrics metrics = meter->metrics();
  EXPECT_EQ(metrics[3], (std::pair<std::string, double>{"mean_auroc", 0.5}));  // of class 0 alone
  EXPECT_EQ(metrics[4], (std::pair<std::string, double>{"macro_precision", 0.75}));
  EXPECT_EQ(metrics[5].first, "macro_recall");
  EXPECT_DOUBLE_EQ(metrics[5].second, (0.5 + 2.0 / 3) / 2);
  EXPECT_EQ(metrics[6].first, "macro_f1");
  EXPECT_DOUBLE_EQ(metrics[6].second, (0.5 + 0.8) / 2);
  const std::vector<Metrics> rows = meter->per_class();
  ASSERT_EQ(rows.size(), 3u);
  EXPECT_EQ(rows[0], (Metrics{{"precision", 0.5},
                              {"recall", 0.5},
                              {"f1", 0.5},
                              {"support", 2},
                              {"average_precision", (1 + 2.0 / 3) / 2},
                              {"auroc", 0.5},
                              {"true_positives", 1},
                              {"false_positives", 1},
                              {"false_negatives", 1},
                              {"true_negatives", 0}}));
  EXPECT_EQ(rows[1][5].second, -1);
  EXPECT_EQ(rows[2][0].second, -1);
  EXPECT_EQ(rows[2][7].second, 1);
  EXPECT_EQ(rows[2][9].second, 2);
  EXPECT_TRUE(meter->confusion().empty());

  const std::span<const Judged> judged = meter->latest();
  ASSERT_EQ(judged.size(), 3u);
  EXPECT_TRUE(judged[0].right);
  EXPECT_FALSE(judged[2].right);
  EXPECT_EQ(judged[2].labels, std::vector<int64_t>{1});
  EXPECT_EQ(judged[2].predictions, std::vector<int64_t>{0});
  EXPECT_EQ(judged[2].class_index, 1);  // the loss of missing it is larger than that of class 0
  EXPECT_NEAR(judged[2].probability, 1 / (1 + std::exp(4.0)), 1e-12);
}

TEST(MultiLabel, ProbabilitiesArePerClass) {
  std::vector<double> values = {0, std::log(3.0), -std::log(3.0)};
  task_of(0, 3)->to_probabilities(values);
  EXPECT_NEAR(values[0], 0.5, 1e-12);
  EXPECT_NEAR(values[1], 0.75, 1e-12);
  EXPECT_NEAR(values[2], 0.25, 1e-12);
}

}  // namespace
}  // namespace swin::tasks
