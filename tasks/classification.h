// One label per image.
#pragma once
#include "tasks/classifier.h"

namespace swin::tasks {

/// Targets are distributions over the classes, (B, num_classes): with K classes and smoothing s,
/// 1 − s + s/K for the label and s/K for every other class. The loss is the cross entropy with
/// them. The metrics are top1 and top5 (0 … 1), and loss: the mean cross entropy without smoothing.
class Classification : public Classifier {
 public:
  using Classifier::Classifier;
  Tensor targets(std::span<const int64_t> labels) const override;
  std::unique_ptr<Meter> meter() const override;
  Tensor loss_of(const Tensor& logits, const Tensor& targets, real factor) const override;
  void to_probabilities(std::span<double> logits) const override;
};

}  // namespace swin::tasks
