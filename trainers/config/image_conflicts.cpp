#include "trainers/config/image_conflicts.h"

#include <algorithm>
#include <vector>

#include "base/text.h"
#include "tasks/task_table.h"
#include "trainers/config/check_value.h"

namespace swin::trainers {
namespace {

using base::Json;

struct Rule {
  bool broken;
  Conflict conflict;
};

std::optional<Conflict> first_broken(const std::vector<Rule>& rules) {
  const auto rule =
      std::find_if(rules.begin(), rules.end(), [](const Rule& r) { return r.broken; });
  return rule == rules.end() ? std::nullopt : std::optional(rule->conflict);
}

template <class Range>
Rule ordered(const char* path, const Range& range) {
  return {range[0] > range[1], {path, "found a smallest value above the largest", "swap them"}};
}

std::vector<Rule> ranges(const AugmentConfig& a) {
  std::vector<Rule> rules;
  if (a.resize_ratio) rules.push_back(ordered("augment.resize_ratio", *a.resize_ratio));
  if (a.large_scale_jitter)
    rules.push_back(ordered("augment.large_scale_jitter", *a.large_scale_jitter));
  if (!a.detection_crop.empty())
    rules.push_back(ordered("augment.detection_crop", a.detection_crop));
  return rules;
}

// At most one field chooses the size of a training image.
std::vector<Rule> choices_of_size(const AugmentConfig& a) {
  std::vector<std::string> set;
  if (a.random_resized_crop) set.emplace_back("random_resized_crop");
  if (a.resize_ratio) set.emplace_back("resize_ratio");
  if (a.large_scale_jitter) set.emplace_back("large_scale_jitter");
  if (!a.short_sides.empty()) set.emplace_back("short_sides");
  if (set.size() < 2) return {};
  return {{true,
           {"augment." + set[1],
            "found a value and " + set[0] + ", expected one of them: both choose the size",
            "set augment." + set[0] + " to null"}}};
}

std::vector<Rule> sizes(const Config& config) {
  const AugmentConfig& a = config.augment;
  const bool long_side = config.preprocess.long_side.has_value();
  const bool cut = a.resize_ratio || a.large_scale_jitter;
  const bool vary = long_side && !cut && !a.random_resized_crop;
  const bool grouped = config.data.group_by_aspect_ratio;
  const data::AnnotationKind kind = tasks::task_row(config.task.name).annotation;
  const bool places =
      kind == data::AnnotationKind::label_map || kind == data::AnnotationKind::objects;
  const std::string no_long_side =
      "found a value but no preprocess.long_side, expected the longest side of an image";
  const std::string several = ", expected 0: the images of a batch have several sizes";
  return {
      {a.resize_ratio && !long_side,
       {"augment.resize_ratio", no_long_side, "set preprocess.long_side"}},
      {!a.short_sides.empty() && !long_side,
       {"augment.short_sides", no_long_side, "set preprocess.long_side"}},
      {!a.detection_crop.empty() && a.short_sides.empty(),
       {"augment.detection_crop",
        "found a value but no short_sides, expected those that the crop is resized to",
        "set augment.short_sides"}},
      {a.max_class_ratio && kind != data::AnnotationKind::label_map,
       {"augment.max_class_ratio",
        "found a value, expected null: task " + config.task.name + " has no label maps",
        "set it to null"}},
      {a.max_class_ratio && !cut,
       {"augment.max_class_ratio", "found a value but no random part to choose, expected one",
        "set augment.resize_ratio, or max_class_ratio to null"}},
      {a.random_crop > 0 && (long_side || cut),
       {"augment.random_crop",
        "found " + std::to_string(a.random_crop) +
            ", expected 0: images that keep their ratio have no such padding",
        "set it to 0"}},
      {a.scaled_decode && (long_side || cut || places),
       {"augment.scaled_decode",
        "found true, expected false: images that keep their ratio, or whose pixels are annotated, "
        "are decoded whole",
        "set it to false"}},
      {vary && a.mixup > 0, {"augment.mixup", found_text(Json(a.mixup)) + several, "set it to 0"}},
      {vary && a.cutmix > 0,
       {"augment.cutmix", found_text(Json(a.cutmix)) + several, "set it to 0"}},
      {grouped && !vary,
       {"data.group_by_aspect_ratio",
        "found true, expected false: all training images have the size model.image_size",
        "set it to false"}},
      {grouped && a.repeats > 1,
       {"data.group_by_aspect_ratio", "found true and augment.repeats, expected one of them",
        "set it to false"}},
  };
}

std::vector<Rule> beside_long_side(const Config& config) {
  const PreprocessConfig& p = config.preprocess;
  if (!p.long_side) return {};
  const bool vit = config.model.name == "vit";
  return {
      {p.crop_pct.has_value(),
       {"preprocess.crop_pct", "found a value and long_side, expected one of them",
        "set it to null"}},
      {!p.resize,
       {"preprocess.resize", "found null and a long_side, expected the short side",
        "set it to a number, or long_side to null"}},
      {p.resize && *p.long_side < *p.resize,
       {"preprocess.long_side",
        "found " + std::to_string(*p.long_side) + ", expected at least preprocess.resize, " +
            std::to_string(p.resize.value_or(0)),
        ""}},
      {vit || config.model.ape,
       {"preprocess.long_side",
        std::string("found a value and positions that are learned for images of one size (") +
            (config.model.ape ? "model.ape" : "model.name \"vit\"") + "), expected null",
        "set it to null"}},
      {!tasks::has_classes(tasks::task_row(config.task.name)),
       {"preprocess.long_side",
        "found a value, expected null: task " + config.task.name +
            " takes images of model.image_size",
        "set it to null"}},
  };
}

std::vector<Rule> beside_distortion(const AugmentConfig& a) {
  if (!a.photometric_distortion) return {};
  const char* path = "augment.photometric_distortion";
  return {{a.auto_augment.has_value(),
           {path, "found true and auto_augment, expected one of them",
            "set augment.auto_augment to null"}},
          {a.color_jitter != std::vector<double>{0},
           {path, "found true and color_jitter, expected one of them",
            "set augment.color_jitter to 0"}}};
}

}  // namespace

std::optional<Conflict> image_conflict(const Config& config) {
  for (const std::vector<Rule>& rules :
       {ranges(config.augment), choices_of_size(config.augment), sizes(config),
        beside_long_side(config), beside_distortion(config.augment)})
    if (auto conflict = first_broken(rules)) return conflict;
  return std::nullopt;
}

}  // namespace swin::trainers
