// What a run learns: how labels become targets, the loss of a slice, and the metrics. The loop
// knows no task by name; the table of tasks is in task.cpp.
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

  /// The targets a training loss compares with.
  /// @param labels of the slice: one an image, or rows of 0 and 1, (B, num_classes), where the
  ///   config says many_labels().
  virtual autograd::Tensor targets(std::span<const int64_t> labels) const = 0;
  /// The slice's part of the batch's loss. @param factor 1 / images of the whole batch.
  virtual autograd::Tensor loss(const autograd::Tensor& outputs, const autograd::Tensor& targets,
                                real factor) const = 0;

  virtual void begin_metrics() = 0;
  /// Counts the rows of `outputs` that have labels; further rows are padding.
  virtual void add_metrics(const autograd::Tensor& outputs, std::span<const int64_t> labels) = 0;
  /// Of all that was added since begin_metrics.
  virtual Metrics metrics() const = 0;
  /// Whether a larger value of this metric is the better one.
  virtual bool larger_is_better(const std::string& metric) const = 0;
  /// What the outputs for one image say of each class, 0 … 1, in their place.
  virtual void to_probabilities(std::span<double> outputs) const = 0;
};

/// @param num_classes of the data set and the model.
/// @throws UsageError on a name the table does not have.
std::unique_ptr<Task> make_task(const TaskConfig& config, int64_t num_classes);

/// The targets of images begin … begin + n − 1 of a batch, mixed as the images are: share · own +
/// (1 − share) · partner's, each smoothed by the task.
autograd::Tensor targets_of(const Task& task, const data::Batch& batch, int64_t begin, int64_t n);

}  // namespace swin::tasks
