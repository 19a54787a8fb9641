// Any number of classes per image.
#pragma once
#include "tasks/task.h"

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
class MultiLabelClassification : public Task {
 public:
  MultiLabelClassification(const TaskConfig& config, int64_t num_classes);
  autograd::Tensor targets(std::span<const int64_t> labels) const override;
  autograd::Tensor loss(const autograd::Tensor& logits, const autograd::Tensor& targets,
                        real factor) const override;
  void begin_metrics() override;
  void add_metrics(const autograd::Tensor& logits, std::span<const int64_t> labels) override;
  Metrics metrics() const override;
  bool larger_is_better(const std::string& metric) const override { return metric != "loss"; }
  void to_probabilities(std::span<double> logits) const override;

 private:
  int64_t num_classes_;
  double label_smoothing_;
  // For each class, the logit and the label of every image.
  std::vector<std::vector<std::pair<float, bool>>> scores_;
  int64_t true_positives_ = 0, wrong_ = 0;
  double loss_ = 0;
};

std::unique_ptr<Task> make_multi_label_classification(const TaskConfig& config,
                                                      int64_t num_classes);

}  // namespace swin::tasks
