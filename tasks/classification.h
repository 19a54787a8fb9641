// One label per image.
#pragma once
#include "tasks/task.h"

namespace swin::tasks {

/// Targets are distributions over the classes, (B, num_classes): with K classes and smoothing s,
/// 1 − s + s/K for the label and s/K for every other class. The loss is the cross entropy with
/// them. The metrics are top1 and top5 (0 … 1), and loss: the mean cross entropy without smoothing.
class Classification : public Task {
 public:
  Classification(const TaskConfig& config, int64_t num_classes);
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
  int64_t images_ = 0, top1_ = 0, top5_ = 0;
  double loss_ = 0;
};

std::unique_ptr<Task> make_classification(const TaskConfig& config, int64_t num_classes);

}  // namespace swin::tasks
