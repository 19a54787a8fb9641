// Any number of classes per image.
#pragma once
#include "tasks/classifier.h"

namespace swin::tasks {

/// Labels and targets are rows of 0 and 1, (B, num_classes); smoothing s changes the targets to s/2
/// and 1 − s/2. The loss is the mean binary cross entropy over the classes. The metrics use labels
/// without smoothing:
///   mean_average_precision  mean of the average precision over the classes that occur. A class's
///                           average precision is (Σ precision at each positive) / positives, with
///                           images ranked by the logit; images with equal logits share one rank,
///                           so that their order does not matter
///   micro_f1                2 TP / (2 TP + FP + FN) over all classes; predicted where p > 0.5
///   loss                    mean binary cross entropy
class MultiLabelClassification : public Classifier {
 public:
  using Classifier::Classifier;
  Tensor targets(std::span<const int64_t> labels) const override;
  std::unique_ptr<Meter> meter() const override;
  Tensor loss_of(const Tensor& logits, const Tensor& targets, real factor) const override;
  void to_probabilities(std::span<double> logits) const override;
};

}  // namespace swin::tasks
