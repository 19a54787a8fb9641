#include "tasks/segmentation_metrics.h"

#include <numeric>
#include <string>

#include "base/errors.h"
#include "data/annotation.h"

namespace swin::tasks {
namespace {

constexpr char kPlace[] = "pixel counts";

double ratio(int64_t part, int64_t whole) {
  return whole == 0 ? -1 : static_cast<double>(part) / static_cast<double>(whole);
}

}  // namespace

PixelCounts::PixelCounts(int64_t classes)
    : intersection_(static_cast<size_t>(classes)),
      predicted_(static_cast<size_t>(classes)),
      labeled_(static_cast<size_t>(classes)) {}

void PixelCounts::add(std::span<const uint16_t> predicted, std::span<const uint16_t> labels) {
  if (predicted.size() != labels.size())
    throw base::InternalError(kPlace, "found " + std::to_string(predicted.size()) +
                                          " predictions for " + std::to_string(labels.size()) +
                                          " labels");
  const size_t classes = labeled_.size();
  for (size_t i = 0; i < labels.size(); ++i) {
    const uint16_t label = labels[i], answer = predicted[i];
    if (label == data::LabelMap::kIgnored) continue;
    if (label >= classes)
      throw base::DataError("label map",
                            "found the label " + std::to_string(label) + ", expected less than " +
                                std::to_string(classes) + ", the number of classes",
                            "correct it, or set data.ignore_index to it");
    if (answer >= classes)
      throw base::InternalError(
          kPlace, "found class " + std::to_string(answer) + " of " + std::to_string(classes));
    ++labeled_[label];
    ++predicted_[answer];
    if (answer == label) ++intersection_[label];
  }
}

void PixelCounts::merge(const PixelCounts& other) {
  if (other.classes() != classes())
    throw base::InternalError(kPlace, "found " + std::to_string(other.classes()) +
                                          " classes, expected " + std::to_string(classes()));
  for (size_t k = 0; k < labeled_.size(); ++k) {
    intersection_[k] += other.intersection_[k];
    predicted_[k] += other.predicted_[k];
    labeled_[k] += other.labeled_[k];
  }
}

double PixelCounts::iou(int64_t k) const {
  return ratio(intersection(k), predicted(k) + labeled(k) - intersection(k));
}
double PixelCounts::accuracy(int64_t k) const { return ratio(intersection(k), labeled(k)); }
double PixelCounts::dice(int64_t k) const {
  return ratio(2 * intersection(k), predicted(k) + labeled(k));
}

Metrics PixelCounts::metrics() const {
  const auto mean = [&](double (PixelCounts::*of)(int64_t) const) {
    double sum = 0;
    int64_t count = 0;
    for (int64_t k = 0; k < classes(); ++k)
      if (const double value = (this->*of)(k); value >= 0) {
        sum += value;
        ++count;
      }
    return count == 0 ? -1 : sum / static_cast<double>(count);
  };
  const auto sum = [](const std::vector<int64_t>& counts) {
    return std::accumulate(counts.begin(), counts.end(), int64_t{0});
  };
  return {{"mIoU", mean(&PixelCounts::iou)},
          {"aAcc", ratio(sum(intersection_), sum(labeled_))},
          {"mAcc", mean(&PixelCounts::accuracy)},
          {"mDice", mean(&PixelCounts::dice)}};
}

}  // namespace swin::tasks
