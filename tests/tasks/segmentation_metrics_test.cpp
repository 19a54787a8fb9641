#include "tasks/segmentation_metrics.h"

#include <gtest/gtest.h>

#include "base/errors.h"
#include "data/annotation.h"

namespace swin::tasks {
namespace {

constexpr uint16_t kIgnored = data::LabelMap::kIgnored;

double value(const Metrics& metrics, const std::string& name) {
  if (const double* found = find(metrics, name)) return *found;
  ADD_FAILURE() << name;
  return 0;
}

TEST(PixelCounts, ByHand) {
  PixelCounts counts(4);
  counts.add(std::vector<uint16_t>{0, 0, 1, 1, 2, 0},
             std::vector<uint16_t>{0, 0, 0, 1, kIgnored, 1});
  EXPECT_EQ(counts.intersection(0), 2);
  EXPECT_EQ(counts.predicted(0), 3);
  EXPECT_EQ(counts.labeled(0), 3);
  EXPECT_EQ(counts.predicted(2), 0);  // where the label is ignored
  EXPECT_EQ(counts.iou(0), 2. / 4);
  EXPECT_EQ(counts.iou(1), 1. / 3);
  EXPECT_EQ(counts.accuracy(1), 1. / 2);
  EXPECT_EQ(counts.dice(1), 2. / 4);
  EXPECT_EQ(counts.iou(3), -1);
  EXPECT_EQ(counts.accuracy(3), -1);
  EXPECT_EQ(counts.dice(3), -1);
  const Metrics metrics = counts.metrics();
  EXPECT_EQ(value(metrics, "mIoU"), (2. / 4 + 1. / 3) / 2);
  EXPECT_EQ(value(metrics, "aAcc"), 3. / 5);
  EXPECT_EQ(value(metrics, "mAcc"), (2. / 3 + 1. / 2) / 2);
  EXPECT_EQ(value(metrics, "mDice"), (4. / 6 + 2. / 4) / 2);
}

TEST(PixelCounts, AClassThatIsOnlyPredictedCountsZero) {
  PixelCounts counts(3);
  counts.add(std::vector<uint16_t>{0, 2}, std::vector<uint16_t>{0, 0});
  EXPECT_EQ(counts.iou(2), 0);
  EXPECT_EQ(counts.accuracy(2), -1);
  EXPECT_EQ(value(counts.metrics(), "mIoU"), .25);
  EXPECT_EQ(value(counts.metrics(), "mAcc"), .5);
}

TEST(PixelCounts, NothingCountsWithoutPixels) {
  PixelCounts counts(2);
  counts.add(std::vector<uint16_t>{1}, std::vector<uint16_t>{kIgnored});
  for (const auto& [name, number] : counts.metrics()) EXPECT_EQ(number, -1) << name;
}

TEST(PixelCounts, OfPartsAddUpToThoseOfTheWhole) {
  std::vector<uint16_t> predicted, labels;
  int64_t matrix[5][5] = {};
  for (uint32_t i = 0; i < 500; ++i) {
    predicted.push_back(static_cast<uint16_t>(i * i % 7 % 5));
    labels.push_back(i % 11 == 0 ? kIgnored : static_cast<uint16_t>(i % 9 % 5));
    if (labels.back() != kIgnored) ++matrix[labels.back()][predicted.back()];
  }
  PixelCounts whole(5), first(5), second(5);
  whole.add(predicted, labels);
  first.add(std::span(predicted).first(123), std::span(labels).first(123));
  second.add(std::span(predicted).subspan(123), std::span(labels).subspan(123));
  second.merge(first);
  for (int64_t k = 0; k < 5; ++k) {
    int64_t row = 0, column = 0;
    for (int64_t j = 0; j < 5; ++j) row += matrix[k][j], column += matrix[j][k];
    EXPECT_EQ(whole.intersection(k), matrix[k][k]);
    EXPECT_EQ(whole.labeled(k), row);
    EXPECT_EQ(whole.predicted(k), column);
    EXPECT_EQ(second.intersection(k), matrix[k][k]);
    EXPECT_EQ(second.labeled(k), row);
    EXPECT_EQ(second.predicted(k), column);
  }
  EXPECT_EQ(second.metrics(), whole.metrics());
}

TEST(PixelCounts, LabelsBeyondTheClassesAreRefused) {
  PixelCounts counts(3);
  try {
    counts.add(std::vector<uint16_t>{0}, std::vector<uint16_t>{3});
    FAIL();
  } catch (const base::DataError& error) {
    EXPECT_NE(std::string(error.what()).find("found the label 3, expected less than 3"),
              std::string::npos);
  }
  EXPECT_THROW(counts.add(std::vector<uint16_t>{3}, std::vector<uint16_t>{0}), base::InternalError);
  EXPECT_THROW(counts.add(std::vector<uint16_t>{3, 1}, std::vector<uint16_t>{0}),
               base::InternalError);
  EXPECT_THROW(counts.merge(PixelCounts(2)), base::InternalError);
}

}  // namespace
}  // namespace swin::tasks
