#include "data/check_annotations.h"

#include <algorithm>
#include <variant>

namespace swin::data {
namespace {

// The bounds of COCO's metrics; they call an area small up to the first, included.
constexpr double kSmall = 32 * 32, kMedium = 96 * 96;
constexpr int64_t kMostCounted = 100;  // objects of an image that they look at

// The counts of values below 65536 that occur.
template <class Values>
std::vector<std::pair<uint16_t, int64_t>> counted(const Values& values) {
  std::vector<int64_t> counts(65536);
  for (const uint16_t value : values) ++counts[value];
  std::vector<std::pair<uint16_t, int64_t>> result;
  for (size_t value = 0; value < counts.size(); ++value)
    if (counts[value] > 0) result.emplace_back(static_cast<uint16_t>(value), counts[value]);
  return result;
}

void count_objects(const Objects& all, AnnotationCounts& counts) {
  counts.has_objects = true;
  std::map<int64_t, AnnotationCounts::OfClass> classes;
  for (const Object& object : all.objects) {
    AnnotationCounts::OfClass& one = classes[object.class_index];
    if (object.crowd) {
      ++one.crowds;
      continue;
    }
    ++one.objects;
    ++counts.objects;
    counts.without_mask += std::holds_alternative<std::monostate>(object.mask);
    ++(object.area <= kSmall    ? counts.small
       : object.area <= kMedium ? counts.medium
                                : counts.large);
  }
  for (auto& [index, one] : classes) {
    one.index = index;
    counts.classes.push_back(one);
  }
}

}  // namespace

void count_annotation(const Dataset& dataset, int64_t i, const base::Size2& size,
                      AnnotationCounts& counts) {
  if (!has_pixels_or_objects(dataset.annotation_kind())) return;
  if (dataset.label_values()) counts.values = counted(dataset.read_label_values(i));
  const Annotation annotation = dataset.annotation(i);
  check_fits(annotation, size, dataset.name(i));
  counts.left_out = dataset.left_out(i);
  if (const auto* map = std::get_if<LabelMap>(&annotation)) {
    for (const auto& [index, pixels] : counted(map->classes))
      if (index != LabelMap::kIgnored) counts.classes.push_back({index, pixels});
  } else if (const auto* objects = std::get_if<Objects>(&annotation)) {
    count_objects(*objects, counts);
  }
}

void AnnotationTotals::add(const AnnotationCounts& counts) {
  for (const auto& [value, pixels] : counts.values) {
    DataCheck::Value& total = values_[value];
    total.pixels += pixels;
    ++total.images;
  }
  DataCheck::ObjectCounts& objects = check_.objects;
  for (const AnnotationCounts::OfClass& one : counts.classes) {
    DataCheck::Class& total = check_.classes[static_cast<size_t>(one.index)];
    ++total.images;
    total.pixels += one.pixels;
    total.objects += one.objects;
    total.crowds += one.crowds;
    objects.crowds += one.crowds;
  }
  objects.objects += counts.objects;
  objects.without_mask += counts.without_mask;
  objects.small += counts.small;
  objects.medium += counts.medium;
  objects.large += counts.large;
  objects.most = std::max(objects.most, counts.objects);
  objects.empty_images += counts.has_objects && counts.objects == 0;
  objects.crowded_images += counts.objects > kMostCounted;
  for (const PassedOver& passed : counts.left_out)
    for (const std::string& name : passed.names) left_out_.add(passed.reason, name);
}

void AnnotationTotals::finish() {
  for (auto& [value, total] : values_) {
    total.value = value;
    total.meaning = dataset_.label_values()->class_of(value);
    check_.values.push_back(total);
  }
  check_.left_out = left_out_.take();
}

}  // namespace swin::data
