// Against torchvision, and against mmdetection's rules in Python
// (scripts/reference/make_detection_parts_goldens.py).
#include <gtest/gtest.h>

#include <algorithm>
#include <fstream>
#include <iterator>
#include <string>
#include <vector>

#include "base/json.h"
#include "tasks/detection/anchors.h"
#include "tasks/detection/box_coder.h"
#include "tasks/detection/boxes.h"
#include "tasks/detection/mask_targets.h"
#include "tasks/detection/matcher.h"
#include "tasks/detection/paste.h"
#include "tests/support/places.h"

namespace swin::tasks {
namespace {

using base::Json;
using data::BoundingBox;

const Json& goldens() {
  static const Json json = [] {
    std::ifstream file(swin::test::source_dir() + "/tests/goldens/detection_parts.json");
    const std::string text((std::istreambuf_iterator<char>(file)), {});
    return base::parse_json(text, "detection_parts.json");
  }();
  return json;
}

struct Case {
  Convention convention;
  const char* name;
};
constexpr Case kCases[] = {{Convention::mmdet, "mmdet"}, {Convention::torchvision, "torchvision"}};

std::vector<double> reals(const Json& list) {
  std::vector<double> values;
  for (const Json& value : list.items()) values.push_back(value.as_real());
  return values;
}

template <class T = int64_t>
std::vector<T> integers(const Json& list) {
  std::vector<T> values;
  for (const Json& value : list.items()) values.push_back(static_cast<T>(value.as_int()));
  return values;
}

base::Size2 size_of(const Json& list) { return {integers(list)[0], integers(list)[1]}; }

BoundingBox box_of(const Json& list) {
  const std::vector<double> v = reals(list);
  return {v[0], v[1], v[2], v[3]};
}

std::vector<BoundingBox> boxes_of(const Json& list) {
  std::vector<BoundingBox> boxes;
  for (const Json& box : list.items()) boxes.push_back(box_of(box));
  return boxes;
}

void expect_near(const BoundingBox& found, const BoundingBox& expected, double tolerance) {
  EXPECT_NEAR(found.x1, expected.x1, tolerance);
  EXPECT_NEAR(found.y1, expected.y1, tolerance);
  EXPECT_NEAR(found.x2, expected.x2, tolerance);
  EXPECT_NEAR(found.y2, expected.y2, tolerance);
}

TEST(DetectionPartsGolden, Anchors) {
  for (const auto& [convention, name] : kCases)
    for (const Json& of : goldens().at(name).at("anchors").items()) {
      SCOPED_TRACE(name);
      AnchorOptions options{{}, reals(of.at("ratios")), convention, of.at("first_stride").as_int()};
      for (const Json& sizes : of.at("sizes").items()) options.sizes.push_back(reals(sizes));
      const int64_t level = of.at("level").as_int();
      const base::Size2 map = size_of(of.at("map"));
      const auto found = anchors(options, level, map, size_of(of.at("padded")));
      ASSERT_EQ(std::ssize(found), of.at("count").as_int());
      EXPECT_EQ(std::ssize(found), map[0] * map[1] * options.per_place(level));
      const auto step = static_cast<size_t>(of.at("step").as_int());
      const std::vector<BoundingBox> expected = boxes_of(of.at("anchors"));
      for (size_t i = 0; i < expected.size(); ++i) expect_near(found[i * step], expected[i], 1e-12);
      EXPECT_EQ(valid_anchors(options, level, map, size_of(of.at("own"))),
                integers<uint8_t>(of.at("valid")));
    }
}

TEST(DetectionPartsGolden, StrideOfP6Of800PixelsIs61InTorchvision) {
  const AnchorOptions options{{{32}, {64}, {128}, {256}, {512}}, {1}, Convention::torchvision};
  EXPECT_EQ(anchors(options, 4, {13, 13}, {800, 800})[1].x1, 61 - 256);
}

TEST(DetectionPartsGolden, Deltas) {
  for (const auto& [convention, name] : kCases)
    for (const Json& of : goldens().at(name).at("coder").items()) {
      SCOPED_TRACE(name);
      BoxCoder coder{{}, rules(convention).clamps_deltas_below};
      const std::vector<double> weights = reals(of.at("weights"));
      std::copy(weights.begin(), weights.end(), coder.weights.begin());
      const std::vector<BoundingBox> boxes = boxes_of(of.at("boxes")),
                                     truth = boxes_of(of.at("truth")),
                                     decoded = boxes_of(of.at("decoded"));
      for (size_t i = 0; i < boxes.size(); ++i) {
        const std::vector<double> expected = reals(of.at("encoded").items()[i]);
        const auto found = coder.encode(truth[i], boxes[i]);
        for (size_t j = 0; j < 4; ++j) EXPECT_NEAR(found[j], expected[j], 1e-12);
        const BoundingBox &from = boxes[i], &to = truth[i];
        if (std::max((to.x2 - to.x1) / (from.x2 - from.x1), (to.y2 - to.y1) / (from.y2 - from.y1)) <
            62.5)  // where sizes are not clamped
          expect_near(coder.decode(found, from), to, 1e-10);
        const std::vector<double> deltas = reals(of.at("deltas").items()[i]);
        expect_near(coder.decode({deltas[0], deltas[1], deltas[2], deltas[3]}, boxes[i]),
                    decoded[i], 1e-9);
      }
    }
}

TEST(DetectionPartsGolden, Matches) {
  for (const auto& [convention, name] : kCases)
    for (const Json& of : goldens().at(name).at("matches").items()) {
      SCOPED_TRACE(name);
      const std::vector<BoundingBox> truth = boxes_of(of.at("truth")),
                                     boxes = boxes_of(of.at("boxes"));
      const std::vector<double> matrix = iou_matrix(truth, boxes, rules(convention));
      const std::vector<double> expected = reals(of.at("iou"));
      const size_t columns = expected.size() / truth.size();
      for (size_t g = 0; g < truth.size(); ++g)
        for (size_t b = 0; b < columns; ++b)
          EXPECT_EQ(matrix[g * boxes.size() + 5 * b], expected[g * columns + b]);
      for (const Json& result : of.at("results").items())
        EXPECT_EQ(match(truth, boxes,
                        {result.at("low").as_real(), result.at("high").as_real(),
                         result.at("low_quality").as_bool(), result.at("minimum").as_real()},
                        rules(convention)),
                  integers<int32_t>(result.at("matches")))
            << result.at("low").as_real() << " " << result.at("low_quality").as_bool();
    }
}

TEST(DetectionPartsGolden, Suppression) {
  for (const Json& of : goldens().at("nms").items()) {
    const std::vector<BoundingBox> boxes = boxes_of(of.at("boxes"));
    const std::vector<double> scores = reals(of.at("scores"));
    const double threshold = of.at("threshold").as_real();
    EXPECT_EQ(nms(boxes, scores, threshold), integers(of.at("kept")));
    EXPECT_EQ(nms(boxes, scores, integers(of.at("groups")), threshold),
              integers(of.at("kept_by_group")));
  }
}

TEST(DetectionPartsGolden, Levels) {
  for (const auto& [convention, name] : kCases) {
    const Json& of = goldens().at(name).at("levels");
    const std::vector<BoundingBox> boxes = boxes_of(of.at("boxes"));
    for (size_t i = 0; i < boxes.size(); ++i)
      EXPECT_EQ(roi_level(boxes[i], 4, rules(convention)), integers(of.at("levels"))[i])
          << name << " " << boxes[i].x2 - 5 << " × " << boxes[i].y2 - 7;
  }
}

TEST(DetectionPartsGolden, PastedMasks) {
  for (const auto& [convention, name] : kCases)
    for (const Json& of : goldens().at(name).at("paste").items()) {
      SCOPED_TRACE(name);
      const int64_t side = of.at("side").as_int();
      const std::vector<double> mask = reals(of.at("mask")),
                                expected = reals(of.at("probabilities"));
      const BoundingBox box = box_of(of.at("box"));
      const base::Size2 image = size_of(of.at("image"));
      const auto found = paste_probabilities(mask, side, box, image, rules(convention));
      ASSERT_EQ(found.size(), expected.size());
      for (size_t i = 0; i < found.size(); ++i) EXPECT_NEAR(found[i], expected[i], 1e-12) << i;
      const data::RunLengths runs = paste(mask, side, box, image, rules(convention));
      std::string pixels;
      for (const uint8_t pixel : data::to_pixels(runs)) pixels += pixel ? '1' : '0';
      EXPECT_EQ(pixels, of.at("inside").as_string()) << box.x1 << " side " << side;
    }
}

TEST(DetectionPartsGolden, MaskTargets) {
  for (const auto& [convention, name] : kCases) {
    const Json& of = goldens().at(name).at("mask_targets");
    for (const Json& row : of.at("cases").items()) {
      std::vector<uint8_t> pixels;
      for (const char c : of.at("shapes").at(row.at("shape").as_string()).as_string())
        pixels.push_back(static_cast<uint8_t>(c - '0'));
      const auto found = mask_target(pixels, size_of(of.at("image")), box_of(row.at("box")),
                                     row.at("side").as_int(), rules(convention));
      const std::vector<double> expected = reals(row.at("target"));
      ASSERT_EQ(found.size(), expected.size());
      for (size_t i = 0; i < found.size(); ++i)
        EXPECT_NEAR(found[i], expected[i], 1e-12)
            << name << " " << row.at("shape").as_string() << " " << i << " of box "
            << box_of(row.at("box")).x1;
    }
  }
}

}  // namespace
}  // namespace swin::tasks
