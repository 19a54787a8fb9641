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
#include "trainers/config/config.h"

namespace swin::trainers {

/// Names and values, in a fixed order.
using Metrics = std::vector<std::pair<std::string, double>>;

class Task {
 public:
  virtual ~Task() = default;

  /// The targets a training loss compares with. @param labels of the slice.
  virtual autograd::Tensor targets(std::span<const int64_t> labels) const = 0;
  /// The slice's part of the batch's loss. @param factor 1 / images of the whole batch.
  virtual autograd::Tensor loss(const autograd::Tensor& outputs, const autograd::Tensor& targets,
                                real factor) const = 0;

  virtual void begin_metrics() = 0;
  /// Counts the first labels.size() rows of `outputs`; further rows are padding.
  virtual void add_metrics(const autograd::Tensor& outputs, std::span<const int64_t> labels) = 0;
  /// Of all that was added since begin_metrics.
  virtual Metrics metrics() const = 0;
  /// Whether a larger value of this metric is the better one.
  virtual bool larger_is_better(const std::string& metric) const = 0;
};

/// @param num_classes of the data set and the model.
/// @throws UsageError on a name the table does not have.
std::unique_ptr<Task> make_task(const TaskConfig& config, int64_t num_classes);

}  // namespace swin::trainers
