#include "trainers/run/plan_anchors.h"

#include <algorithm>
#include <variant>

#include "base/integer.h"
#include "data/transforms/geometry.h"
#include "tasks/detection_options.h"
#include "trainers/run/data_options.h"

namespace swin::trainers {
namespace {

constexpr int64_t kMostImages = 2000;
constexpr double kPoor = 0.95;  // of the objects have an anchor: fewer deserve a suggestion

std::vector<data::BoundingBox> boxes_of(const Config& config, const data::Dataset& training) {
  data::Preprocess preprocess = preprocess_of(config);
  const std::vector<int64_t>& sides = config.augment.short_sides;
  if (!sides.empty()) preprocess.resize = sides[sides.size() / 2];
  std::vector<data::BoundingBox> boxes;
  const int64_t step = std::max<int64_t>(1, base::divide_up(training.size(), kMostImages));
  for (int64_t i = 0; i < training.size(); i += step) {
    auto all = std::get<data::Objects>(training.annotation(i));
    for (data::Object& object : all.objects) object.mask = {};  // boxes are enough
    const data::Geometry geometry = data::fit({all.height, all.width}, preprocess);
    const data::Annotation seen = data::transformed(geometry, all);
    for (const data::Object& object : std::get<data::Objects>(seen).objects)
      if (!object.crowd) boxes.push_back(object.box);
  }
  return boxes;
}

}  // namespace

std::optional<AnchorPlan> plan_anchors(const Config& config, const data::Dataset& training) {
  if (!config.task.own.find("anchors.sizes")) return std::nullopt;
  const std::vector<data::BoundingBox> boxes = boxes_of(config, training);
  if (boxes.empty()) return std::nullopt;
  const tasks::AnchorOptions options =
      tasks::detection_options(config.task.own, config.model).anchors;
  AnchorPlan plan{.fit = tasks::anchor_fit(boxes, options)};
  if (plan.fit.at_least_half >= kPoor) return plan;
  const tasks::AnchorOptions better = tasks::suggest_anchors(boxes, options);
  AnchorPlan::Suggestion suggestion{.sizes = {}, .fit = tasks::anchor_fit(boxes, better)};
  for (const std::vector<double>& level : better.sizes)
    suggestion.sizes.insert(suggestion.sizes.end(), level.begin(), level.end());
  if (suggestion.fit.at_least_half > plan.fit.at_least_half) plan.suggestion = suggestion;
  return plan;
}

}  // namespace swin::trainers
