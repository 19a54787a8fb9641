// The forwards of a model that is not trained.
#pragma once
#include <vector>

#include "base/arena.h"
#include "tasks/task.h"

namespace swin::trainers {

/// Runs Task::outputs with its intermediate results in one arena: no tape, packed weights that stay
/// with the weights, and after the first call no memory from the system.
class Inference {
 public:
  explicit Inference(const tasks::Task& task) : task_(&task) {}
  /// task.outputs. A dry run of it plans the arena when the images have a new shape. What is
  /// returned may outlive this object.
  tasks::Outputs operator()(const autograd::Tensor& images, tasks::Detail detail,
                            const tasks::ImageInfo& info = {});

 private:
  void plan(const autograd::Shape& shape, tasks::Detail detail);
  const tasks::Task* task_;
  std::vector<autograd::Shape> planned_;
  size_t bytes_ = 0;
  base::Arena arena_;
};

}  // namespace swin::trainers
