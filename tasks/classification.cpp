#include "tasks/classification.h"

#include <algorithm>
#include <cmath>

#include "autograd/ops/ops.h"

namespace swin::tasks {

using autograd::Tensor;

Classification::Classification(const TaskConfig& config, int64_t num_classes)
    : num_classes_(num_classes), label_smoothing_(config.label_smoothing) {}

Tensor Classification::targets(std::span<const int64_t> labels) const {
  const double off = label_smoothing_ / static_cast<double>(num_classes_);
  Tensor targets({static_cast<int64_t>(labels.size()), num_classes_});
  real* row = targets.mutable_data();
  std::fill_n(row, targets.numel(), static_cast<real>(off));
  for (const int64_t label : labels) {
    row[label] = static_cast<real>(1 - label_smoothing_ + off);
    row += num_classes_;
  }
  return targets;
}

Tensor Classification::loss(const Tensor& logits, const Tensor& targets, real factor) const {
  return autograd::cross_entropy(logits, targets, factor);
}

void Classification::begin_metrics() {
  images_ = top1_ = top5_ = 0;
  loss_ = 0;
}

void Classification::add_metrics(const Tensor& logits, std::span<const int64_t> labels) {
  const real* row = logits.data();
  for (const int64_t label : labels) {
    const real own = row[label];
    // Of equal logits the first counts as larger, as in argmax. If the label's logit is NaN, the
    // prediction is wrong.
    int64_t larger = std::isnan(own) ? num_classes_ : 0;
    real largest = row[0];
    for (int64_t c = 0; c < num_classes_; ++c) {
      larger += row[c] > own || (row[c] == own && c < label);
      largest = std::max(largest, row[c]);
    }
    double sum = 0;
    for (int64_t c = 0; c < num_classes_; ++c)
      sum += std::exp(static_cast<double>(row[c]) - static_cast<double>(largest));
    loss_ += std::log(sum) + static_cast<double>(largest) - static_cast<double>(own);
    top1_ += larger < 1;
    top5_ += larger < 5;
    ++images_;
    row += num_classes_;
  }
}

Metrics Classification::metrics() const {
  const double images = static_cast<double>(std::max<int64_t>(images_, 1));
  return {{"top1", static_cast<double>(top1_) / images},
          {"top5", static_cast<double>(top5_) / images},
          {"loss", loss_ / images}};
}

void Classification::to_probabilities(std::span<double> logits) const {
  const double largest = *std::max_element(logits.begin(), logits.end());
  double sum = 0;
  for (double& p : logits) sum += p = std::exp(p - largest);
  for (double& p : logits) p /= sum;
}

std::unique_ptr<Task> make_classification(const TaskConfig& config, int64_t num_classes) {
  return std::make_unique<Classification>(config, num_classes);
}

}  // namespace swin::tasks
