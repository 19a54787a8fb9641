// One label per image.
#pragma once
#include "tasks/classifier.h"

namespace swin::tasks {

/// Targets are distributions over the classes, (B, num_classes): with K classes and smoothing s,
/// 1 − s + s/K for the label and s/K for every other class. The loss is the cross entropy with
/// them. The metrics use labels without smoothing; macro means run over the classes that an image
/// has (class_metrics.h):
///   top1, top5         share of images whose label is the first, or one of the first five
///   loss               mean cross entropy
///   balanced_accuracy  mean recall of the classes, which is also their macro recall
///   macro_precision, macro_f1
///   ece                expected calibration error of the largest probability, in 15 bins
class Classification : public Classifier {
 public:
  using Classifier::Classifier;
  Tensor targets(std::span<const int64_t> labels) const override;
  std::unique_ptr<Meter> meter() const override;
  Tensor loss_of(const Tensor& logits, const Tensor& targets, real factor) const override;
  void to_probabilities(std::span<double> logits) const override;
  void average(std::span<double> logits, std::span<double> others) const override;
};

}  // namespace swin::tasks
