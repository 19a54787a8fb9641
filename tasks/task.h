// What a run learns: how labels become targets, the loss of a micro-batch, and the metrics. The
// training loop knows no task by name; the table of tasks is in task.cpp.
#pragma once
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "autograd/tensor/tensor.h"
#include "data/batch.h"
#include "tasks/task_config.h"

namespace swin::tasks {

/// Names and values, in a fixed order.
using Metrics = std::vector<std::pair<std::string, double>>;

class Task {
 public:
  virtual ~Task() = default;

  /// The targets of the training loss, (B, num_classes).
  /// @param labels of a micro-batch: one per image, or rows of 0 and 1, (B, num_classes), if
  ///   TaskConfig::many_labels().
  virtual autograd::Tensor targets(std::span<const int64_t> labels) const = 0;
  /// The micro-batch's part of the batch's loss. @param factor 1 / number of images in the batch.
  virtual autograd::Tensor loss(const autograd::Tensor& outputs, const autograd::Tensor& targets,
                                real factor) const = 0;

  virtual void begin_metrics() = 0;
  /// Adds the rows of `outputs` that have labels; further rows are padding.
  virtual void add_metrics(const autograd::Tensor& outputs, std::span<const int64_t> labels) = 0;
  /// The metrics of everything added since begin_metrics.
  virtual Metrics metrics() const = 0;
  /// Whether a larger value of this metric is better.
  virtual bool larger_is_better(const std::string& metric) const = 0;
  /// Replaces the outputs for one image by the probability of each class, 0 … 1.
  virtual void to_probabilities(std::span<double> outputs) const = 0;
};

/// @param num_classes of the data set and the model.
/// @throws base::UsageError if there is no task of that name.
std::unique_ptr<Task> make_task(const TaskConfig& config, int64_t num_classes);

/// The targets of images begin … begin + n − 1 of a batch, mixed as the images are: share · own +
/// (1 − share) · partner's, each smoothed by the task.
autograd::Tensor targets_of(const Task& task, const data::Batch& batch, int64_t begin, int64_t n);

}  // namespace swin::tasks
