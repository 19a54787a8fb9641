// Kinds of errors, by hand and against tidecv (scripts/reference/make_tide_goldens.py).
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <deque>
#include <fstream>
#include <iterator>
#include <map>
#include <string>

#include "base/errors.h"
#include "base/json.h"
#include "data/run_lengths.h"
#include "tasks/detection/errors.h"
#include "tests/support/places.h"

namespace swin::tasks {
namespace {

using base::Json;
using Counts = std::array<int64_t, DetectionErrors::kKinds>;

Json golden(const std::string& name) {
  std::ifstream file(swin::test::source_dir() + "/tests/goldens/" + name + ".json");
  const std::string text{std::istreambuf_iterator<char>(file), {}};
  return base::parse_json(text, name);
}

std::string id_of(const Json& id) { return id.is_string() ? id.as_string() : to_text(id); }

data::RunLengths runs_of(const Json& segmentation, int64_t height, int64_t width) {
  if (segmentation.is_array()) {
    std::vector<data::Polygon> polygons;
    for (const Json& numbers : segmentation.items()) {
      data::Polygon& polygon = polygons.emplace_back();
      for (size_t i = 0; i + 1 < numbers.size(); i += 2)
        polygon.push_back({numbers.items()[i].as_real(), numbers.items()[i + 1].as_real()});
    }
    return data::rasterize(polygons, height, width);
  }
  const Json& counts = segmentation.at("counts");
  if (counts.is_string()) return data::read_counts(counts.as_string(), height, width);
  data::RunLengths runs{height, width, {}};
  for (const Json& count : counts.items())
    runs.counts.push_back(static_cast<uint32_t>(count.as_int()));
  return runs;
}

/// The images of a set of tests/goldens/coco in the order of their ids.
struct Set {
  struct OfImage {
    std::vector<TrueObject> truth;
    std::vector<DetectedObject> detections;
  };
  std::vector<OfImage> images;
  int64_t classes = 0;
  std::deque<data::RunLengths> masks;

  explicit Set(const Json& json) {
    std::vector<const Json*> entries;
    for (const Json& image : json.at("truth").at("images").items()) entries.push_back(&image);
    std::sort(entries.begin(), entries.end(), [](const Json* a, const Json* b) {
      const Json &first = a->at("id"), &second = b->at("id");
      return first.is_string() ? first.as_string() < second.as_string()
                               : first.as_int() < second.as_int();
    });
    std::map<std::string, size_t> rank;
    for (const Json* image : entries) rank.emplace(id_of(image->at("id")), rank.size());
    images.resize(rank.size());
    std::map<int64_t, int64_t> class_of;
    for (const Json& category : json.at("truth").at("categories").items())
      class_of.emplace(category.at("id").as_int(), 0);
    for (auto& [id, class_index] : class_of) class_index = classes++;

    const auto region = [&](const Json& entry, const Json& image) {
      Region all;
      if (const Json* box = entry.find("bbox")) {
        const auto& sides = box->items();
        all = {sides[0].as_real(), sides[1].as_real(), sides[2].as_real(), sides[3].as_real(),
               nullptr};
      }
      if (const Json* segmentation = entry.find("segmentation")) {
        masks.push_back(
            runs_of(*segmentation, image.at("height").as_int(), image.at("width").as_int()));
        all.mask = &masks.back();
      }
      return all;
    };
    for (const Json& entry : json.at("truth").at("annotations").items()) {
      const size_t image = rank.at(id_of(entry.at("image_id")));
      images[image].truth.push_back({region(entry, *entries[image]),
                                     class_of.at(entry.at("category_id").as_int()), 0,
                                     entry.at("iscrowd").as_int() == 1});
    }
    for (const Json& entry : json.at("results").items()) {
      const size_t image = rank.at(id_of(entry.at("image_id")));
      images[image].detections.push_back({region(entry, *entries[image]),
                                          class_of.at(entry.at("category_id").as_int()),
                                          entry.at("score").as_real(), 0});
    }
  }

  DetectionErrors::Result score(Compared compared) const {
    DetectionErrors errors(classes, compared);
    for (size_t i = 0; i < images.size(); ++i)
      errors.add(static_cast<int64_t>(i), images[i].truth, images[i].detections);
    return errors.result();
  }
};

// tidecv adds up classes in the order in which it meets them: the last bits differ.
void expect_near(double found, const Json& expected, const std::string& what) {
  EXPECT_NEAR(100 * found, std::strtod(expected.as_string().c_str(), nullptr), 1e-11) << what;
}

TEST(DetectionErrors, EqualTidecv) {
  const Json goldens = golden("tide");
  for (const auto& [name, row] : goldens.members()) {
    const Set set(golden("coco/" + name));
    for (const Compared compared : {Compared::boxes, Compared::masks}) {
      const Json& expected = row.at(compared == Compared::boxes ? "boxes" : "masks");
      if (expected.is_null()) continue;
      const DetectionErrors::Result found = set.score(compared);
      expect_near(found.ap, expected.at("ap"), name + " AP");
      for (size_t kind = 0; kind < DetectionErrors::kKinds; ++kind) {
        EXPECT_EQ(found.counts[kind], expected.at("counts").items()[kind].as_int())
            << name << " " << kind;
        expect_near(found.gains[kind], expected.at("gains").items()[kind],
                    name + " " + found.metrics[kind].first);
      }
      expect_near(found.false_positives, expected.at("false_positives"), name + " FalsePos");
      expect_near(found.false_negatives, expected.at("false_negatives"), name + " FalseNeg");
    }
  }
}

TrueObject object(double x, double size, int64_t class_index = 0, bool crowd = false) {
  return {{x, 0, size, size, nullptr}, class_index, size * size, crowd};
}
DetectedObject detection(double x, double size, double score, int64_t class_index = 0) {
  return {{x, 0, size, size, nullptr}, class_index, score, size * size};
}

DetectionErrors::Result of_image(const std::vector<TrueObject>& truth,
                                 const std::vector<DetectedObject>& detections) {
  DetectionErrors errors(2, Compared::boxes);
  errors.add(0, truth, detections);
  return errors.result();
}

TEST(DetectionErrors, AKindForEachDetection) {
  const std::vector<TrueObject> truth = {object(0, 10)};
  const auto kind = [&](const DetectedObject& other) {
    const Counts counts = of_image(truth, {detection(0, 10, .9), other}).counts;
    EXPECT_EQ(std::count(counts.begin(), counts.end(), 1), 1);
    return static_cast<DetectionError>(std::find(counts.begin(), counts.end(), 1) - counts.begin());
  };
  EXPECT_EQ(kind(detection(1, 10, .5)), DetectionError::duplicate);
  EXPECT_EQ(kind(detection(5, 10, .5)), DetectionError::localization);  // IoU 1/3
  EXPECT_EQ(kind(detection(1, 10, .5, 1)), DetectionError::classification);
  EXPECT_EQ(kind(detection(5, 10, .5, 1)), DetectionError::both);
  EXPECT_EQ(kind(detection(9, 10, .5)), DetectionError::background);  // IoU 1/19
  EXPECT_EQ(kind(detection(20, 10, .5)), DetectionError::background);
}

TEST(DetectionErrors, WhatFixingThemGains) {
  // One object of two is found, the other badly placed.
  const DetectionErrors::Result badly =
      of_image({object(0, 10), object(50, 10)}, {detection(0, 10, .9), detection(55, 10, .8)});
  EXPECT_NEAR(badly.ap, 51. / 101, 1e-15);
  EXPECT_EQ(badly.counts, (Counts{0, 1, 0, 0, 0, 0}));
  EXPECT_NEAR(badly.gains[1], 50. / 101, 1e-15);
  EXPECT_NEAR(badly.false_negatives, 50. / 101, 1e-15);
  EXPECT_EQ(badly.false_positives, 0);
  // Two of the same error at one object: the better one is put right, the other removed.
  EXPECT_EQ(of_image({object(0, 10)}, {detection(5, 10, .9), detection(5, 10, .8)}).gains[1], 1);
  // An object that no detection is near.
  const DetectionErrors::Result missed =
      of_image({object(0, 10), object(50, 10)}, {detection(0, 10, .9)});
  EXPECT_EQ(missed.counts, (Counts{0, 0, 0, 0, 0, 1}));
  EXPECT_NEAR(missed.gains[5], 50. / 101, 1e-15);
  // Something found where nothing is, before the object.
  const DetectionErrors::Result seen =
      of_image({object(0, 10)}, {detection(50, 10, .9), detection(0, 10, .8)});
  EXPECT_EQ(seen.ap, .5);
  EXPECT_EQ(seen.gains[4], .5);
  EXPECT_EQ(seen.false_positives, .5);
}

TEST(DetectionErrors, CrowdsAreNeitherFoundNorMissed) {
  const DetectionErrors::Result result = of_image({object(0, 10), object(50, 40, 0, true)},
                                                  {detection(60, 10, .9), detection(0, 10, .8)});
  EXPECT_EQ(result.ap, 1);
  EXPECT_EQ(result.gains[4], 0);
  // One half of a detection is not enough to lie in the crowd.
  EXPECT_LT(of_image({object(0, 10), object(50, 40, 0, true)},
                     {detection(40, 20, .9), detection(0, 10, .8)})
                .ap,
            1);
}

TEST(DetectionErrors, NothingToFindAndNothingFound) {
  for (const auto& [name, value] : of_image({}, {detection(0, 9, 1)}).metrics)
    EXPECT_EQ(value, -1) << name;
  EXPECT_EQ(of_image({}, {}).ap, -1);
  const DetectionErrors::Result missed = of_image({object(0, 9)}, {});
  EXPECT_EQ(missed.ap, 0);
  EXPECT_EQ(missed.counts[5], 1);
  EXPECT_THROW(of_image({object(0, 9, 2)}, {}), base::InternalError);
}

TEST(DetectionErrors, MetricsAreNamedAfterTidesOwn) {
  std::string names;
  for (const auto& [name, value] : of_image({object(0, 9)}, {}).metrics) names += name + " ";
  EXPECT_EQ(names,
            "box_dAP_Cls box_dAP_Loc box_dAP_Both box_dAP_Dupe box_dAP_Bkg box_dAP_Miss "
            "box_dAP_FalsePos box_dAP_FalseNeg ");
  EXPECT_EQ(DetectionErrors(1, Compared::masks).result().metrics[0].first, "segm_dAP_Cls");
}

TEST(DetectionErrors, ImagesMayComeInAnyOrderAndInParts) {
  const Set set(golden("coco/ties"));
  const DetectionErrors::Result all = set.score(Compared::boxes);
  DetectionErrors first(set.classes, Compared::boxes), second(set.classes, Compared::boxes);
  for (size_t i = set.images.size(); i-- > 0;)
    (i % 2 ? first : second)
        .add(static_cast<int64_t>(i), set.images[i].truth, set.images[i].detections);
  first.merge(second);
  EXPECT_EQ(first.result().metrics, all.metrics);
  EXPECT_THROW(first.merge(DetectionErrors(1, Compared::boxes)), base::InternalError);
}

}  // namespace
}  // namespace swin::tasks
