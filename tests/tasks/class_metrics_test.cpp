// Metrics of classes. Expected numbers are scikit-learn's (confusion_matrix,
// precision_recall_fscore_support with the classes that have support and zero_division=0,
// balanced_accuracy_score, roc_auc_score, average_precision_score), and numpy's of the calibration;
// scripts/reference/check_evaluation.py compares them on real answers.
#include "tasks/class_metrics.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>

#include "base/errors.h"

namespace swin::tasks {
namespace {

// Class 2 is never right, class 3 is answered but no image has it.
const std::vector<int64_t> kLabels = {0, 0, 0, 1, 1, 1, 1, 2, 2, 4, 4, 4, 0, 1, 2, 4, 0, 1, 2, 4};
const std::vector<int64_t> kAnswers = {4, 3, 0, 1, 1, 1, 1, 0, 0, 3, 0, 4, 0, 0, 3, 4, 0, 1, 1, 4};

ClassCounts counted() {
  ClassCounts counts(5);
  for (size_t i = 0; i < kLabels.size(); ++i) counts.add(kLabels[i], kAnswers[i]);
  return counts;
}

TEST(ClassCounts, PrecisionRecallAndF1AreThoseOfScikitLearn) {
  const ClassCounts counts = counted();
  const std::span<const ClassTally> tallies = counts.tallies();
  ASSERT_EQ(tallies.size(), 5u);
  const auto expect = [&](size_t k, double precision, double recall, double f1, int64_t support) {
    EXPECT_DOUBLE_EQ(tallies[k].precision(), precision) << k;
    EXPECT_DOUBLE_EQ(tallies[k].recall(), recall) << k;
    EXPECT_DOUBLE_EQ(tallies[k].f1(), f1) << k;
    EXPECT_EQ(tallies[k].support, support) << k;
  };
  expect(0, 0.42857142857142855, 0.6, 0.5, 5);
  expect(1, 0.8333333333333334, 0.8333333333333334, 0.8333333333333334, 6);
  expect(2, 0, 0, 0, 4);
  expect(3, -1, -1, -1, 0);
  expect(4, 0.75, 0.6, 0.6666666666666666, 5);
  EXPECT_EQ(tallies[3].predicted, 3);
  const Metrics row = tallies[0].metrics();
  ASSERT_EQ(row.size(), 4u);
  EXPECT_EQ(row[3], (std::pair<std::string, double>{"support", 5}));
}

TEST(ClassCounts, MacroMeansRunOverClassesWithSupport) {
  const ClassCounts counts = counted();
  const MacroMeans means = macro_means(counts.tallies());
  EXPECT_DOUBLE_EQ(means.precision, 0.5029761904761905);
  EXPECT_DOUBLE_EQ(means.recall, 0.5083333333333333);
  EXPECT_DOUBLE_EQ(means.f1, 0.5);
  EXPECT_EQ(macro_means(ClassCounts(3).tallies()).f1, -1);
}

TEST(ClassCounts, ConfusionIsSparseAndInOrder) {
  const std::vector<ConfusionEntry> expected = {{0, 0, 3}, {0, 3, 1}, {0, 4, 1}, {1, 0, 1},
                                                {1, 1, 5}, {2, 0, 2}, {2, 1, 1}, {2, 3, 1},
                                                {4, 0, 1}, {4, 3, 1}, {4, 4, 3}};
  EXPECT_EQ(counted().confusion(), expected);
  const std::vector<ConfusionEntry> worst = {{2, 0, 2}, {0, 3, 1}, {0, 4, 1}};
  EXPECT_EQ(most_confused(expected, 3), worst);
  EXPECT_EQ(most_confused(expected, 50).size(), 8u);
}

TEST(ClassCounts, NoAnswerIsAWrongOne) {
  ClassCounts counts(2);
  counts.add(1, -1);
  counts.add(1, 1);
  EXPECT_EQ(counts.tallies()[1].recall(), 0.5);
  EXPECT_EQ(counts.tallies()[1].precision(), 1);
  EXPECT_EQ(counts.confusion(), (std::vector<ConfusionEntry>{{1, 1, 1}}));
  EXPECT_THROW(counts.add(2, 0), base::InternalError);
  EXPECT_THROW(counts.add(0, 2), base::InternalError);
  EXPECT_THROW(counts.add(-1, 0), base::InternalError);
}

TEST(Calibration, IsNumpysOnBoundsToo) {
  // 0.2, 1/3, 0.6 and 1 are upper bounds and belong below them.
  const std::vector<double> confidences = {0.766, 0.201, 0.603, 0.2,   1.0 / 3, 0.6,   1.0,
                                           0.453, 0.319, 0.759, 0.559, 0.839,   0.388, 0.456,
                                           0.84,  0.606, 0.605, 0.389, 0.212,   0.947};
  Calibration calibration;
  for (size_t i = 0; i < confidences.size(); ++i)
    calibration.add(confidences[i], kLabels[i] == kAnswers[i]);
  EXPECT_NEAR(calibration.ece(), 0.3647333333333333, 1e-15);
  const std::vector<CalibrationBin> bins = calibration.bins();
  ASSERT_EQ(bins.size(), 15u);
  const std::vector<int64_t> counts = {0, 0, 1, 2, 2, 2, 2, 0, 2, 3, 0, 2, 2, 0, 2};
  for (size_t k = 0; k < counts.size(); ++k) EXPECT_EQ(bins[k].count, counts[k]) << k;
  EXPECT_EQ(bins[0].lower, 0);
  EXPECT_EQ(bins[4].upper, 1.0 / 3);
  EXPECT_EQ(bins[14].upper, 1);
  EXPECT_NEAR(bins[9].confidence, 0.6046666666666667, 1e-15);
  EXPECT_EQ(bins[4].accuracy, 0.5);
  EXPECT_EQ(bins[0].accuracy, 0);
}

TEST(Calibration, EndsAndNaN) {
  Calibration calibration;
  EXPECT_EQ(calibration.ece(), 0);
  calibration.add(std::numeric_limits<double>::quiet_NaN(), false);
  EXPECT_EQ(calibration.ece(), 0);
  calibration.add(0, true);
  EXPECT_EQ(calibration.bins()[0].count, 1);
  calibration.add(1, true);
  EXPECT_EQ(calibration.bins()[14].count, 1);
  EXPECT_DOUBLE_EQ(calibration.ece(), 0.5);
}

TEST(Ranking, IsThatOfScikitLearnWithTies) {
  const std::vector<float> scores = {1,   -1,  0.5f, -1, -0.5f, -1,    1.5f, 0.5f,
                                     2.5, .5f, 1,    1,  -0.5f, -0.0f, 1.5f, -0.5f};
  const std::vector<int> labels = {1, 0, 1, 0, 0, 0, 1, 0, 1, 0, 0, 0, 1, 0, 1, 0};
  std::vector<std::pair<float, bool>> pairs;
  for (size_t i = 0; i < scores.size(); ++i) pairs.emplace_back(scores[i], labels[i] != 0);
  EXPECT_DOUBLE_EQ(ranking_of(pairs).auroc, 0.8333333333333334);
  EXPECT_DOUBLE_EQ(ranking_of(pairs).average_precision, 0.7806267806267806);
}

TEST(Ranking, IsUndefinedWithoutBothKinds) {
  EXPECT_EQ(ranking_of({}).auroc, -1);
  EXPECT_EQ(ranking_of({{1, false}, {2, false}}).average_precision, -1);
  EXPECT_EQ(ranking_of({{1, true}, {2, true}}).auroc, -1);
  EXPECT_EQ(ranking_of({{1, true}, {2, true}}).average_precision, 1);
  const float nan = std::numeric_limits<float>::quiet_NaN();
  EXPECT_EQ(ranking_of({{nan, true}, {-1e30f, false}}).auroc, 0);
  EXPECT_EQ(ranking_of({{0, true}, {0, false}}).auroc, 0.5);
}

// 10,000 answers of a model of Fashion-MNIST after 300 steps.
TEST(ClassCounts, RealAnswersAreCountedAsByScikitLearn) {
  constexpr int kMatrix[10][10] = {
      {783, 4, 16, 57, 9, 5, 114, 0, 12, 0},    {6, 954, 7, 26, 3, 0, 4, 0, 0, 0},
      {21, 2, 769, 10, 131, 0, 55, 0, 12, 0},   {32, 12, 21, 863, 41, 0, 23, 0, 8, 0},
      {3, 1, 172, 50, 709, 0, 62, 0, 3, 0},     {0, 0, 0, 1, 0, 906, 0, 68, 3, 22},
      {162, 3, 153, 52, 104, 1, 496, 0, 29, 0}, {0, 0, 0, 0, 0, 29, 0, 922, 1, 48},
      {3, 0, 4, 10, 7, 8, 20, 10, 937, 1},      {0, 0, 0, 1, 0, 20, 0, 54, 2, 923}};
  ClassCounts counts(10);
  for (int label = 0; label < 10; ++label)
    for (int answer = 0; answer < 10; ++answer)
      for (int i = 0; i < kMatrix[label][answer]; ++i) counts.add(label, answer);
  const MacroMeans means = macro_means(counts.tallies());
  EXPECT_NEAR(means.precision, 0.824843615532426, 1e-15);
  EXPECT_NEAR(means.recall, 0.8262, 1e-15);
  EXPECT_NEAR(means.f1, 0.8240835425282358, 1e-15);
  EXPECT_EQ(most_confused(counts.confusion(), 1), (std::vector<ConfusionEntry>{{4, 2, 172}}));
}

// The first 48 of them.
TEST(Calibration, RealAnswersAreThoseOfNumpy) {
  const std::vector<double> confidences = {
      0.6587, 0.9545, 0.9989, 0.9987, 0.5597, 0.9962, 0.3719, 0.8189, 0.7961, 0.9785,
      0.5775, 0.8976, 0.5683, 0.9877, 0.9076, 0.9992, 0.8853, 0.8953, 0.9955, 0.8736,
      0.3809, 0.8083, 0.9589, 0.9539, 0.9993, 0.8675, 0.4213, 0.8181, 0.9166, 0.5388,
      0.9841, 0.976,  0.9452, 0.9472, 0.9765, 0.6897, 0.9701, 0.9718, 0.981,  0.9915,
      0.6645, 0.9967, 0.4782, 0.6929, 0.7015, 0.5893, 0.7063, 0.9528};
  const std::vector<int> right = {1, 1, 1, 1, 1, 1, 0, 1, 1, 1, 1, 1, 0, 1, 1, 1,
                                  1, 0, 1, 1, 1, 0, 1, 0, 1, 0, 1, 1, 1, 0, 1, 1,
                                  1, 1, 1, 1, 1, 1, 1, 1, 0, 1, 0, 1, 1, 1, 1, 1};
  Calibration calibration;
  for (size_t i = 0; i < right.size(); ++i) calibration.add(confidences[i], right[i] != 0);
  EXPECT_NEAR(calibration.ece(), 0.11271249999999994, 1e-15);
}

// Trousers in 48 images of several clothes: many equal scores.
TEST(Ranking, RealAnswersAreThoseOfScikitLearn) {
  const std::vector<float> scores = {
      0.02f, 0.05f, 0.01f, 0.01f, 0.01f, 0.01f, 0.58f, 0.02f, 0.25f, 0.01f, 0.24f, 0.26f,
      0.63f, 0.01f, 0.96f, 0.46f, 0.44f, 0.01f, 0.05f, 0.05f, 0.01f, 0.09f, 0.07f, 0.02f,
      0.02f, 0.01f, 0.03f, 0.68f, 0.47f, 0.06f, 0,     0.01f, 0,     0.01f, 0.01f, 0.05f,
      0.57f, 0.42f, 0.04f, 0.01f, 0.04f, 0.62f, 0.01f, 0.04f, 0.15f, 0.01f, 0.01f, 0.01f};
  const std::vector<int> labels = {0, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 1, 1, 0, 1, 0,
                                   0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0,
                                   0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0};
  std::vector<std::pair<float, bool>> pairs;
  for (size_t i = 0; i < scores.size(); ++i) pairs.emplace_back(scores[i], labels[i] != 0);
  EXPECT_DOUBLE_EQ(ranking_of(pairs).auroc, 0.9523809523809523);
  EXPECT_DOUBLE_EQ(ranking_of(pairs).average_precision, 0.8257575757575757);
}

}  // namespace
}  // namespace swin::tasks
