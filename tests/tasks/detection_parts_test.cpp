// Properties of the plain parts of a detector; detection_parts_golden_test.cpp compares their
// values with those of others.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <set>

#include "base/errors.h"
#include "data/run_lengths.h"
#include "tasks/detection/anchors.h"
#include "tasks/detection/box_coder.h"
#include "tasks/detection/boxes.h"
#include "tasks/detection/mask_targets.h"
#include "tasks/detection/matcher.h"
#include "tasks/detection/paste.h"
#include "tasks/detection/sampler.h"
#include "tasks/detection/suggest_anchors.h"

namespace swin::tasks {
namespace {

using data::BoundingBox;
using Indices = std::vector<int64_t>;

constexpr Convention kConventions[] = {Convention::mmdet, Convention::torchvision};
constexpr double kNan = std::numeric_limits<double>::quiet_NaN();

std::vector<BoundingBox> random_boxes(int64_t count, double side, const char* stream) {
  const base::Random random(7, stream);
  std::vector<BoundingBox> boxes;
  for (uint64_t i = 0; i < static_cast<uint64_t>(count); ++i) {
    const double x = random.uniform(4 * i) * side, y = random.uniform(4 * i + 1) * side;
    boxes.push_back({x, y, x + 1 + random.uniform(4 * i + 2) * side / 2,
                     y + 1 + random.uniform(4 * i + 3) * side / 2});
  }
  return boxes;
}

TEST(Boxes, OverlapOfEmptyAndTouchingBoxes) {
  for (const Convention convention : kConventions) {
    const Rules& rule = rules(convention);
    EXPECT_EQ(iou({0, 0, 10, 10}, {0, 0, 10, 10}, rule), 1);
    EXPECT_EQ(iou({0, 0, 10, 10}, {10, 0, 20, 10}, rule), 0);
    EXPECT_EQ(iou({5, 5, 5, 5}, {5, 5, 5, 5}, rule), 0);
    EXPECT_EQ(iou({0, 0, 10, 10}, {5, 0, 15, 10}, rule), 50. / 150);
  }
  // A union below 1e-6 pixels² only counts in torchvision.
  EXPECT_EQ(iou({0, 0, 1e-4, 1e-4}, {0, 0, 1e-4, 1e-4}, rules(Convention::torchvision)), 1);
  EXPECT_NEAR(iou({0, 0, 1e-4, 1e-4}, {0, 0, 1e-4, 1e-4}, rules(Convention::mmdet)), .01, 1e-12);
}

TEST(Boxes, TheBestAreInOrderAndTiesByIndex) {
  const std::vector<float> scores = {.5f, .9f, .5f, .1f, .9f, .5f};
  EXPECT_EQ(top_k(scores, 4), (Indices{1, 4, 0, 2}));
  EXPECT_EQ(top_k(scores, 99), (Indices{1, 4, 0, 2, 5, 3}));
  EXPECT_EQ(top_k(scores, 0), Indices{});
  EXPECT_EQ(top_k(std::span<const double>(), 5), Indices{});
  std::vector<double> equal(3000, -1);
  Indices first(1000);
  for (size_t i = 0; i < first.size(); ++i) first[i] = static_cast<int64_t>(i);
  EXPECT_EQ(top_k(equal, 1000), first);
}

TEST(Boxes, NanIsAnErrorThatSaysWhere) {
  const auto message = [](const auto& call) -> std::string {
    try {
      call();
    } catch (const base::DivergedError& error) {
      return error.what();
    }
    return "";
  };
  std::vector<double> scores = {.5, kNan, .25};
  std::vector<BoundingBox> boxes = {{0, 0, 1, 1}, {0, 0, 2, 2}, {0, 0, 3, 3}};
  const std::string expected =
      "detection: found score 1 of 3 not to be a number; lower optimizer.lr, or check the weights";
  EXPECT_EQ(message([&] { top_k(scores, 2); }), expected);
  EXPECT_EQ(message([&] { nms(boxes, scores, .5); }), expected);
  scores[1] = .5;
  boxes[2].y1 = kNan;
  EXPECT_EQ(
      message([&] { nms(boxes, scores, .5); }),
      "detection: found box 2 of 3 not to be finite; lower optimizer.lr, or check the weights");
  boxes[2].y1 = -std::numeric_limits<double>::infinity();
  EXPECT_THROW(nms(boxes, scores, .5), base::DivergedError);
  EXPECT_THROW(nms(boxes, std::vector<double>{1}, .5), base::InternalError);
}

TEST(Boxes, SuppressionIsStrictAndKeepsTheFirstOfEqualScores) {
  const std::vector<BoundingBox> boxes = {{0, 0, 10, 10}, {0, 0, 10, 5}, {0, 0, 10, 10}};
  const std::vector<double> scores = {.5, .75, .5};
  EXPECT_EQ(nms(boxes, scores, .5), (Indices{1, 0}));  // 0 has an IoU of exactly 0.5 with 1
  EXPECT_EQ(nms(boxes, scores, .49), Indices{1});
  EXPECT_EQ(nms(boxes, scores, Indices{0, 1, 2}, .49), (Indices{1, 0, 2}));
  EXPECT_EQ(nms({}, {}, .5), Indices{});
  const std::vector<BoundingBox> empty(3, BoundingBox{4, 4, 4, 4});
  EXPECT_EQ(nms(empty, scores, .5).size(), 3u);  // 0 / 0 is no overlap
}

TEST(Boxes, Clipping) {
  EXPECT_EQ(clipped({-3, 2, 50, 90}, {60, 40}), (BoundingBox{0, 2, 40, 60}));
  EXPECT_EQ(clipped({50, 70, 60, 80}, {60, 40}), (BoundingBox{40, 60, 40, 60}));
  EXPECT_FALSE(
      has_sides(clipped({50, 70, 60, 80}, {60, 40}), rules(Convention::mmdet).least_proposal_side));
  EXPECT_TRUE(has_sides({0, 0, 1e-3, 1}, rules(Convention::torchvision).least_proposal_side));
  EXPECT_FALSE(has_sides({0, 0, .9e-3, 1}, rules(Convention::torchvision).least_proposal_side));
  EXPECT_TRUE(has_sides({4, 4, 4, 4}, rules(Convention::mmdet).least_detection_side));
}

TEST(Boxes, LevelsOfAnyBox) {
  for (const Convention convention : kConventions) {
    EXPECT_EQ(roi_level({0, 0, 1e6, 1e6}, 4, rules(convention)), 3);
    EXPECT_EQ(roi_level({0, 0, 1e200, 1e200}, 4, rules(convention)), 3);
    EXPECT_EQ(roi_level({5, 5, 5, 5}, 4, rules(convention)), 0);
    EXPECT_EQ(roi_level({9, 9, 5, 12}, 4, rules(convention)), 0);
    EXPECT_EQ(roi_level({0, 0, kNan, 5}, 4, rules(convention)), 0);
    EXPECT_EQ(roi_level({0, 0, 300, 300}, 2, rules(convention)), 1);
  }
}

TEST(BoxCoder, SizesAreClamped) {
  const BoundingBox box{10, 10, 20, 30};
  for (const bool below : {false, true}) {
    const BoxCoder coder{{1, 1, 1, 1}, below};
    EXPECT_NEAR(coder.decode({0, 0, 99, 0}, box).x2, 15 + 62.5 * 5, 1e-9);
    const BoundingBox small = coder.decode({0, 0, 0, -99}, box);
    EXPECT_NEAR(small.y2 - small.y1, below ? 20 / 62.5 : 0, 1e-9);
    EXPECT_EQ(coder.encode(box, box), (std::array<double, 4>{}));
    EXPECT_EQ(coder.decode({}, box), box);
  }
}

TEST(Matcher, WithoutObjectsAllIsBackground) {
  const std::vector<BoundingBox> boxes = random_boxes(20, 50, "boxes");
  for (const Convention convention : kConventions) {
    EXPECT_EQ(match({}, boxes, rpn_match_options(), rules(convention)),
              std::vector<int32_t>(20, kBackground));
    EXPECT_TRUE(match(boxes, {}, rpn_match_options(), rules(convention)).empty());
  }
}

TEST(Matcher, AnObjectThatNoBoxOverlapsTakesNone) {
  const std::vector<BoundingBox> truth = {{100, 100, 101, 101}, {0, 0, 10, 10}},
                                 boxes = {{0, 0, 10, 10}, {30, 30, 40, 40}};
  for (const Convention convention : kConventions)
    for (const double minimum : {0., .3})
      EXPECT_EQ(match(truth, boxes, {.3, .7, true, minimum}, rules(convention)),
                (std::vector<int32_t>{1, kBackground}));
}

TEST(Matcher, AnObjectOfOnePixelGetsItsBestAnchorWhereTheMinimumAllows) {
  const std::vector<BoundingBox> truth = {{5, 5, 6, 6}}, boxes = {{0, 0, 8, 8}, {0, 0, 16, 16}};
  EXPECT_EQ(match(truth, boxes, rpn_match_options(), rules(Convention::torchvision)),
            (std::vector<int32_t>{0, kBackground}));
  EXPECT_EQ(match(truth, boxes, rpn_match_options(), rules(Convention::mmdet)),
            (std::vector<int32_t>{kBackground, kBackground}));  // 1/64 < 0.3
}

TEST(Matcher, TheMinimumIsEnough) {
  const std::vector<BoundingBox> truth = {{0, 0, 10, 10}}, boxes = {{0, 0, 10, 5}};
  for (const double minimum : {.5, .501})
    EXPECT_EQ(match(truth, boxes, {.6, .7, true, minimum}, rules(Convention::mmdet))[0],
              minimum == .5 ? 0 : kBackground);
}

TEST(Matcher, OfTwoEqualObjectsTheFirstWinsInTorchvisionTheLastInMmdet) {
  const BoundingBox box{0, 0, 10, 10};
  const std::vector<BoundingBox> truth = {box, box}, boxes = {box, {2, 0, 12, 10}};
  EXPECT_EQ(match(truth, boxes, rpn_match_options(), rules(Convention::torchvision)),
            (std::vector<int32_t>{0, kIgnored}));
  EXPECT_EQ(match(truth, boxes, rpn_match_options(), rules(Convention::mmdet)),
            (std::vector<int32_t>{1, kIgnored}));
}

TEST(Matcher, MmdetGivesABoxToTheObjectWhoseBestItIsNotToItsOwnBest) {
  // The box fits object 0 better, but is the best that object 1 has.
  const std::vector<BoundingBox> truth = {{0, 0, 10, 10}, {0, 0, 10, 4}},
                                 boxes = {{0, 0, 10, 10}, {0, 0, 10, 8}};
  const MatchOptions options{.3, .7, true, .3};
  EXPECT_EQ(match(truth, boxes, options, rules(Convention::torchvision)),
            (std::vector<int32_t>{0, 0}));
  EXPECT_EQ(match(truth, boxes, options, rules(Convention::mmdet)), (std::vector<int32_t>{0, 1}));
}

// Objects and boxes that lie apart in blocks are skipped without computing their IoU.
TEST(Matcher, EqualsMatchingByTheWholeMatrix) {
  const std::vector<BoundingBox> truth = random_boxes(15, 900, "truth");
  const AnchorOptions options{{{32}, {64}, {128}}, {.5, 1, 2}, Convention::mmdet};
  std::vector<BoundingBox> boxes = random_boxes(333, 900, "boxes");
  for (const BoundingBox& box : anchors(options, 1, {113, 113}, {904, 904})) boxes.push_back(box);
  const Rules& rule = rules(Convention::torchvision);
  const std::vector<double> ious = iou_matrix(truth, boxes, rule);
  std::vector<int32_t> expected, best;
  for (size_t b = 0; b < boxes.size(); ++b) {
    size_t of = 0;
    for (size_t g = 1; g < truth.size(); ++g)
      if (ious[g * boxes.size() + b] > ious[of * boxes.size() + b]) of = g;
    const double value = ious[of * boxes.size() + b];
    best.push_back(static_cast<int32_t>(of));
    expected.push_back(value < .3 ? kBackground : value < .7 ? kIgnored : best.back());
  }
  for (size_t g = 0; g < truth.size(); ++g) {
    const std::span<const double> row(ious.data() + g * boxes.size(), boxes.size());
    const double highest = *std::max_element(row.begin(), row.end());
    for (size_t b = 0; b < boxes.size(); ++b)
      if (row[b] == highest) expected[b] = best[b];
  }
  EXPECT_EQ(match(truth, boxes, rpn_match_options(), rule), expected);
}

TEST(Matcher, LowQualityInTheBoxHeadIsMmdets) {
  EXPECT_TRUE(box_head_match_options(rules(Convention::mmdet), .6).low_quality);
  EXPECT_EQ(box_head_match_options(rules(Convention::mmdet), .6).minimum, .6);
  EXPECT_FALSE(box_head_match_options(rules(Convention::torchvision)).low_quality);
}

/// Of 100 boxes every 4th belongs to an object and every 10th from the 5th on is ignored.
std::vector<int32_t> some_matches() {
  std::vector<int32_t> matches(100, kBackground);
  for (size_t i = 0; i < matches.size(); ++i) {
    if (i % 10 == 5) matches[i] = kIgnored;
    if (i % 4 == 0) matches[i] = static_cast<int32_t>(i / 4 % 3);
  }
  return matches;
}

TEST(Sampler, CountsAndOrder) {
  const std::vector<int32_t> matches = some_matches();  // 25 positives, 65 negatives
  for (const int64_t count : {0, 1, 7, 16, 40, 64, 90, 200})
    for (const double fraction : {0., .25, .3, .5, 1.}) {
      const Samples drawn = sample(matches, count, fraction, base::Random(3, "rpn_sampler", 1, 2));
      const SampleCounts counts = count_sampled(matches, count, fraction);
      const auto most = static_cast<int64_t>(static_cast<double>(count) * fraction);
      EXPECT_EQ(counts.positives, std::min<int64_t>(25, most));
      EXPECT_EQ(counts.negatives, std::min<int64_t>(65, count - counts.positives));
      EXPECT_EQ((SampleCounts{std::ssize(drawn.positives), std::ssize(drawn.negatives)}), counts);
      for (const Indices* indices : {&drawn.positives, &drawn.negatives}) {
        EXPECT_TRUE(std::is_sorted(indices->begin(), indices->end()));
        EXPECT_EQ(std::set<int64_t>(indices->begin(), indices->end()).size(), indices->size());
      }
      for (const int64_t i : drawn.positives) EXPECT_GE(matches[static_cast<size_t>(i)], 0);
      for (const int64_t i : drawn.negatives)
        EXPECT_EQ(matches[static_cast<size_t>(i)], kBackground);
    }
  EXPECT_EQ(count_sampled({}, 256, .5), SampleCounts{});
  EXPECT_TRUE(sample({}, 256, .5, base::Random(3, "rpn_sampler")).negatives.empty());
}

TEST(Sampler, DrawsDependOnSeedStreamStepAndImageAlone) {
  const std::vector<int32_t> matches = some_matches();
  const auto negatives = [&](uint64_t seed, const char* stream, uint64_t step, uint64_t image) {
    return sample(matches, 32, .5, base::Random(seed, stream, step, image)).negatives;
  };
  const Indices first = negatives(3, "rpn_sampler", 1, 2);
  EXPECT_EQ(negatives(3, "rpn_sampler", 1, 2), first);
  EXPECT_NE(negatives(4, "rpn_sampler", 1, 2), first);
  EXPECT_NE(negatives(3, "roi_sampler", 1, 2), first);
  EXPECT_NE(negatives(3, "rpn_sampler", 2, 2), first);
  EXPECT_NE(negatives(3, "rpn_sampler", 1, 3), first);
}

TEST(Sampler, EachIsDrawnEquallyOften) {
  const std::vector<int32_t> matches = some_matches();
  std::vector<int> drawn(matches.size());
  constexpr int kSteps = 4000;
  for (uint64_t step = 0; step < kSteps; ++step) {
    const Samples samples = sample(matches, 20, .5, base::Random(3, "rpn_sampler", step));
    for (const int64_t i : samples.positives) ++drawn[static_cast<size_t>(i)];
    for (const int64_t i : samples.negatives) ++drawn[static_cast<size_t>(i)];
  }
  for (size_t i = 0; i < matches.size(); ++i) {
    const double share = matches[i] == kIgnored ? 0 : matches[i] >= 0 ? 10. / 25 : 10. / 65;
    // Five standard deviations.
    EXPECT_NEAR(drawn[i], kSteps * share, 5 * std::sqrt(kSteps * share * (1 - share))) << i;
  }
}

TEST(Paste, RunLengthsAreThoseOfTheProbabilities) {
  const base::Random random(5, "mask");
  std::vector<double> mask(28 * 28);
  for (size_t i = 0; i < mask.size(); ++i) mask[i] = random.uniform(i);
  for (const Convention convention : kConventions)
    for (BoundingBox box : random_boxes(20, 60, "paste")) {
      box.x1 -= 12;
      const data::RunLengths runs = paste(mask, 28, box, {50, 70}, rules(convention));
      data::check_runs(runs);
      std::vector<uint8_t> pixels;
      for (const double p : paste_probabilities(mask, 28, box, {50, 70}, rules(convention)))
        pixels.push_back(rules(convention).half_is_inside ? p >= .5 : p > .5);
      EXPECT_EQ(runs, data::to_run_lengths(pixels, 50, 70));
    }
}

TEST(Paste, AFullMaskFillsItsBox) {
  const std::vector<double> ones(9, 1);
  const data::RunLengths runs = paste(ones, 3, {2, 1, 7, 5}, {10, 9}, rules(Convention::mmdet));
  EXPECT_EQ(data::box_of(runs), (BoundingBox{2, 1, 7, 5}));
  EXPECT_EQ(data::count_pixels(runs), 20);
}

TEST(Paste, OneHalfIsInsideByMmdetsRule) {
  const std::vector<double> halves(16, .5);
  const BoundingBox box{2, 2, 6, 6};
  EXPECT_EQ(data::count_pixels(paste(halves, 4, box, {9, 9}, rules(Convention::mmdet))), 16);
  EXPECT_EQ(data::count_pixels(paste(halves, 4, box, {9, 9}, rules(Convention::torchvision))), 0);
}

TEST(Paste, BoxesOutsideAndWithoutASideAreNoTrouble) {
  const std::vector<double> ones(9, 1);
  for (const Convention convention : kConventions)
    for (const BoundingBox& box :
         {BoundingBox{-50, -50, -20, -20}, BoundingBox{500, 3, 600, 4}, BoundingBox{3, 3, 3, 3},
          BoundingBox{1e30, 0, 1e31, 5}, BoundingBox{kNan, 0, 5, 5}})
      data::check_runs(paste(ones, 3, box, {10, 9}, rules(convention)));
  EXPECT_EQ(data::count_pixels(
                paste(ones, 3, {-50, -50, -20, -20}, {10, 9}, rules(Convention::torchvision))),
            0);
  EXPECT_THROW(paste(ones, 4, {}, {10, 9}, rules(Convention::mmdet)), base::InternalError);
}

TEST(MaskTargets, ARectangleInItsOwnBoxIsFull) {
  const base::Size2 image{40, 30};
  std::vector<uint8_t> pixels(40 * 30);
  for (size_t y = 10; y < 31; ++y)
    for (size_t x = 4; x < 23; ++x) pixels[y * 30 + x] = 1;
  EXPECT_EQ(mask_target(pixels, image, {4, 10, 23, 31}, 28, rules(Convention::mmdet)),
            std::vector<double>(28 * 28, 1));
  for (const double value :
       mask_target(pixels, image, {6, 12, 20, 28}, 28, rules(Convention::torchvision)))
    EXPECT_NEAR(value, 1, 1e-12);
}

TEST(MaskTargets, AnyBoxIsNoTrouble) {
  const std::vector<uint8_t> pixels(40 * 30, 1);
  for (const Convention convention : kConventions)
    for (const BoundingBox& box :
         {BoundingBox{-50, -50, -20, -20}, BoundingBox{500, 3, 600, 4}, BoundingBox{3, 3, 3, 3}})
      EXPECT_EQ(mask_target(pixels, {40, 30}, box, 7, rules(convention)).size(), 49u);
  EXPECT_THROW(mask_target(pixels, {40, 31}, {0, 0, 5, 5}, 7, rules(Convention::mmdet)),
               base::InternalError);
}

// The target of a mask, pasted back, is the mask but for its border.
TEST(MaskTargets, PastedBackTheyAreTheMask) {
  const base::Size2 image{60, 80};
  std::vector<uint8_t> pixels(60 * 80);
  for (int y = 0; y < 60; ++y)
    for (int x = 0; x < 80; ++x)
      pixels[static_cast<size_t>(y * 80 + x)] =
          (x - 40.) * (x - 40.) / 900 + (y - 30.) * (y - 30.) / 400 < 1;
  const data::RunLengths mask = data::to_run_lengths(pixels, 60, 80);
  for (const Convention convention : kConventions) {
    const BoundingBox box = data::box_of(mask);
    const auto target = mask_target(pixels, image, box, 28, rules(convention));
    const data::RunLengths found = paste(target, 28, box, image, rules(convention));
    const auto common = static_cast<double>(data::count_common(mask, found));
    EXPECT_GT(common / static_cast<double>(data::count_pixels(data::united(mask, found))), .93);
  }
}

std::vector<BoundingBox> objects_of_sizes(double smallest, double largest) {
  std::vector<BoundingBox> objects;
  const base::Random random(11, "objects");
  for (uint64_t i = 0; i < 500; ++i) {
    const double size = smallest * std::pow(largest / smallest, random.uniform(4 * i)),
                 ratio = std::exp2(2. * random.uniform(4 * i + 1) - 1),
                 x = 400 * random.uniform(4 * i + 2), y = 400 * random.uniform(4 * i + 3);
    objects.push_back({x, y, x + size / std::sqrt(ratio), y + size * std::sqrt(ratio)});
  }
  return objects;
}

TEST(SuggestAnchors, FitIsThatOfTheAnchorsThemselves) {
  std::vector<BoundingBox> objects = objects_of_sizes(10, 120);
  objects.resize(50);
  const AnchorOptions options{{{16}, {32, 40}, {64}}, {.5, 1, 2}, Convention::mmdet};
  std::vector<BoundingBox> all;
  for (int64_t level = 0; level < 3; ++level)
    for (const BoundingBox& box : anchors(options, level, {160 >> level, 160 >> level}, {640, 640}))
      all.push_back(box);
  int64_t half = 0, seven_tenths = 0;
  double sum = 0;
  for (const BoundingBox& object : objects) {
    double best = 0;
    for (const BoundingBox& box : all)
      best = std::max(best, iou(object, box, rules(Convention::mmdet)));
    half += best >= .5;
    seven_tenths += best >= .7;
    sum += best;
  }
  const AnchorFit fit = anchor_fit(objects, options);
  EXPECT_EQ(fit.at_least_half, static_cast<double>(half) / 50);
  EXPECT_EQ(fit.at_least_seven_tenths, static_cast<double>(seven_tenths) / 50);
  EXPECT_NEAR(fit.mean_iou, sum / 50, 1e-9);
  EXPECT_EQ(fit.of_level[0] + fit.of_level[1] + fit.of_level[2], 50);
}

TEST(SuggestAnchors, FitSmallObjectsThatTheUsualSizesMiss) {
  const AnchorOptions usual{{{32}, {64}, {128}, {256}, {512}}, {.5, 1, 2}, Convention::mmdet};
  const std::vector<BoundingBox> small = objects_of_sizes(8, 40);
  const AnchorOptions suggested = suggest_anchors(small, usual);
  EXPECT_LT(anchor_fit(small, usual).at_least_half, .5);
  EXPECT_GT(anchor_fit(small, suggested).at_least_half, .9);
  EXPECT_EQ(suggested.sizes.size(), 5u);
  for (const auto& sizes : suggested.sizes) {
    ASSERT_EQ(sizes.size(), 1u);
    EXPECT_EQ(sizes[0], std::nearbyint(sizes[0]));
  }
  EXPECT_EQ(suggested.sizes[4][0], 512);  // its stride is of no use here
  AnchorOptions two = usual;
  two.sizes[0] = {32, 45};
  const AnchorOptions more = suggest_anchors(small, two);
  EXPECT_EQ(more.sizes[0].size(), 2u);
  EXPECT_LT(more.sizes[0][0], more.sizes[0][1]);
  EXPECT_GT(anchor_fit(small, more).mean_iou, anchor_fit(small, suggested).mean_iou);
  const std::vector<BoundingBox> any = objects_of_sizes(20, 600);
  EXPECT_GE(anchor_fit(any, suggest_anchors(any, usual)).at_least_half,
            anchor_fit(any, usual).at_least_half);
}

TEST(SuggestAnchors, WithoutObjectsNothingChanges) {
  const AnchorOptions usual{{{30}, {64, 80}}, {1}, Convention::mmdet};
  EXPECT_EQ(suggest_anchors({}, usual).sizes, usual.sizes);
  EXPECT_EQ(anchor_fit({}, usual).at_least_half, -1);
  const std::vector<BoundingBox> one = {{3, 3, 4, 4}};
  EXPECT_EQ(suggest_anchors(one, usual).sizes[0].size(), 1u);
}

}  // namespace
}  // namespace swin::tasks
