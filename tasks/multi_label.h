// Any number of classes per image.
#pragma once
#include "tasks/classifier.h"

namespace swin::tasks {

/// Labels and targets are rows of 0 and 1, (B, num_classes); smoothing s changes the targets to s/2
/// and 1 − s/2. The loss is the mean binary cross entropy over the classes. The metrics use labels
/// without smoothing:
///   mean_average_precision  mean of the average precision over the classes that occur
///   micro_f1                2 TP / (2 TP + FP + FN) over all classes; predicted where p > 0.5
///   loss                    mean binary cross entropy
///   mean_auroc              mean area under the ROC curve over the classes that some images have
///                           and others lack; −1 without such a class
///   macro_precision, macro_recall, macro_f1   means over the classes that occur
/// Images are ranked by the logit (Ranking in class_metrics.h). Of each class also the table of
/// 2 × 2: true_positives, false_positives, false_negatives, true_negatives.
class MultiLabelClassification : public Classifier {
 public:
  using Classifier::Classifier;
  Tensor targets(std::span<const int64_t> labels) const override;
  std::unique_ptr<Meter> meter() const override;
  Tensor loss_of(const Tensor& logits, const Tensor& targets, real factor) const override;
  void to_probabilities(std::span<double> logits) const override;
  void average(std::span<double> logits, std::span<double> others) const override;
};

}  // namespace swin::tasks
