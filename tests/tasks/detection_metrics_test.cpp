// By hand; tests/trainers/score_detections_test.cpp compares with pycocotools.
#include "tasks/detection_metrics.h"

#include <gtest/gtest.h>

#include <algorithm>

#include "base/errors.h"
#include "data/run_lengths.h"

namespace swin::tasks {
namespace {

constexpr double kNearlyOne = 0.9999999999999998;  // 1 / (1 + 2⁻⁵²)

TrueObject object(double x, double y, double width, double height, bool crowd = false) {
  return {{x, y, width, height, nullptr}, 0, width * height, crowd};
}
DetectedObject detection(double x, double y, double width, double height, double score) {
  return {{x, y, width, height, nullptr}, 0, score, width * height};
}

double value(const DetectionMetrics& metrics, const std::string& name) {
  const Metrics all = metrics.result().metrics;
  if (const double* found = find(all, name)) return *found;
  ADD_FAILURE() << name;
  return 0;
}

DetectionMetrics of_image(const std::vector<TrueObject>& truth,
                          const std::vector<DetectedObject>& detections) {
  DetectionMetrics metrics(1, Compared::boxes);
  metrics.add(0, truth, detections);
  return metrics;
}

TEST(DetectionMetrics, ThresholdsAreThoseOfNumpy) {
  const auto& t = DetectionMetrics::thresholds();
  EXPECT_EQ(t[1], 0x1.199999999999ap-1);
  EXPECT_EQ(t[2], 0x1.3333333333333p-1);
  EXPECT_EQ(t[8], 0x1.cccccccccccccp-1);
  EXPECT_EQ(t[9], 0x1.e666666666666p-1);
  EXPECT_EQ(DetectionMetrics::recalls()[3], 3 * .01);
  EXPECT_EQ(DetectionMetrics::recalls()[100], 1);
}

TEST(DetectionMetrics, OverlapOfBoxes) {
  const Region a{0, 0, 10, 10, nullptr}, b{5, 0, 10, 10, nullptr}, c{10, 0, 5, 5, nullptr};
  EXPECT_EQ(overlap(a, b, false, Compared::boxes), 50. / 150);
  EXPECT_EQ(overlap(a, b, true, Compared::boxes), .5);
  EXPECT_EQ(overlap(a, c, false, Compared::boxes), 0);  // they touch
}

TEST(DetectionMetrics, OverlapOfMasks) {
  const data::RunLengths a = data::rasterize({{{0, 0}, {10, 0}, {10, 10}, {0, 10}}}, 20, 20);
  const data::RunLengths b = data::rasterize({{{5, 0}, {15, 0}, {15, 10}, {5, 10}}}, 20, 20);
  const Region first{0, 0, 0, 0, &a}, second{0, 0, 0, 0, &b};
  EXPECT_EQ(overlap(first, second, false, Compared::masks), 50. / 150);
  EXPECT_EQ(overlap(first, second, true, Compared::masks), .5);
}

TEST(DetectionMetrics, OneObject) {
  const DetectionMetrics right = of_image({object(0, 0, 40, 40)}, {detection(0, 0, 40, 40, .5)});
  EXPECT_EQ(value(right, "box_AP"), kNearlyOne);
  EXPECT_EQ(value(right, "box_AP_medium"), kNearlyOne);
  EXPECT_EQ(value(right, "box_AP_small"), -1);
  EXPECT_EQ(value(right, "box_AR_1"), 1);
  EXPECT_EQ(right.result().metrics.size(), 12u);
  const DetectionMetrics half = of_image({object(0, 0, 40, 40)}, {detection(0, 0, 40, 24, .5)});
  EXPECT_EQ(value(half, "box_AR_100"), .3);  // IoU 0.6: three of ten thresholds
  EXPECT_EQ(value(half, "box_AP75"), 0);
}

TEST(DetectionMetrics, NothingFoundScoresZeroAndNothingToFindMinusOne) {
  for (const auto& [name, number] : of_image({object(0, 0, 9, 9)}, {}).result().metrics)
    EXPECT_EQ(number, name.ends_with("medium") || name.ends_with("large") ? -1 : 0) << name;
  for (const auto& [name, number] : of_image({}, {detection(0, 0, 9, 9, 1)}).result().metrics)
    EXPECT_EQ(number, -1) << name;
}

TEST(DetectionMetrics, CrowdsAreNeitherFoundNorMissed) {
  const std::vector<TrueObject> truth = {object(0, 0, 40, 40), object(50, 0, 100, 100, true)};
  const DetectionMetrics metrics = of_image(
      truth,
      {detection(60, 10, 20, 20, .9), detection(80, 10, 20, 20, .8), detection(0, 0, 40, 40, .7)});
  EXPECT_EQ(value(metrics, "box_AP"), kNearlyOne);
  EXPECT_EQ(metrics.result().classes[0].objects, 1);
}

TEST(DetectionMetrics, AnObjectIsPreferredToACrowdThatFitsBetter) {
  const DetectionMetrics metrics =
      of_image({object(0, 0, 40, 40, true), object(0, 0, 40, 30)}, {detection(0, 0, 40, 40, .5)});
  EXPECT_EQ(metrics.result().classes[0].precision[5][0], kNearlyOne);  // IoU 0.75
  EXPECT_EQ(metrics.result().classes[0].precision[6][0], 0);
}

TEST(DetectionMetrics, AreaLimitsBelongToBothRanges) {
  const DetectionMetrics metrics = of_image({object(0, 0, 32, 32)}, {detection(0, 0, 32, 32, .5)});
  EXPECT_EQ(value(metrics, "box_AP_small"), kNearlyOne);
  EXPECT_EQ(value(metrics, "box_AP_medium"), kNearlyOne);
}

TEST(DetectionMetrics, TheBestHundredOfAClassCount) {
  std::vector<DetectedObject> detections(100, detection(500, 500, 9, 9, .9));
  detections.push_back(detection(0, 0, 40, 40, .5));
  EXPECT_EQ(value(of_image({object(0, 0, 40, 40)}, detections), "box_AR_100"), 0);
  detections[100].score = .95;
  EXPECT_EQ(value(of_image({object(0, 0, 40, 40)}, detections), "box_AR_100"), 1);
}

TEST(DetectionMetrics, ImagesMayComeInAnyOrderAndInParts) {
  const std::vector<TrueObject> truth = {object(0, 0, 40, 40), object(100, 0, 40, 40)};
  const std::vector<DetectedObject> good = {detection(0, 0, 40, 36, .5)},
                                    bad = {detection(200, 0, 40, 40, .5)};
  DetectionMetrics all(1, Compared::boxes), first(1, Compared::boxes), second(1, Compared::boxes),
      swapped(1, Compared::boxes);
  all.add(0, truth, good);
  all.add(1, truth, bad);
  first.add(1, truth, bad);
  second.add(0, truth, good);
  first.merge(second);
  EXPECT_EQ(first.result().metrics, all.result().metrics);
  swapped.add(0, truth, bad);  // among equal scores the first image counts first
  swapped.add(1, truth, good);
  EXPECT_LT(value(swapped, "box_AP50"), value(all, "box_AP50"));
}

TEST(DetectionMetrics, OfEachClass) {
  DetectionMetrics metrics(3, Compared::boxes);
  std::vector<TrueObject> truth = {object(0, 0, 40, 40), object(0, 0, 40, 40)};
  truth[1].class_index = 2;
  metrics.add(0, truth, std::vector{detection(0, 0, 40, 40, .5)});
  const DetectionMetrics::Result result = metrics.result();
  EXPECT_EQ(result.classes[0].ap, kNearlyOne);
  EXPECT_EQ(result.classes[0].ar, 1);
  EXPECT_EQ(result.classes[0].precision[9][100], kNearlyOne);
  EXPECT_EQ(result.classes[1].ap, -1);
  EXPECT_EQ(result.classes[1].precision[0][0], -1);
  EXPECT_EQ(result.classes[2].ap75, 0);
  EXPECT_EQ(result.classes[2].objects, 1);
  truth[0].class_index = 3;
  EXPECT_THROW(metrics.add(1, truth, {}), base::InternalError);
}

}  // namespace
}  // namespace swin::tasks
