// One training step: forward and backward of a batch slice by slice, checks, clipping, optimizer.
// Training, `swin benchmark` and `swin plan` all run this one.
#pragma once
#include <cstdint>
#include <vector>

#include "autograd/tape/tape.h"
#include "data/batch.h"
#include "tasks/task.h"
#include "trainers/optim/optimizer.h"

namespace swin::trainers {

class Step {
 public:
  /// Freezes the parameters of config.freeze.
  Step(tasks::Task& task, Optimizer& optimizer, const TrainerConfig& config);

  struct Result {
    /// Means over the batch, the total first; with smoothed and mixed targets.
    tasks::Metrics losses;
    double gradient_norm = 0;  ///< before clipping
    double loss() const { return losses.front().second; }
  };
  /// Makes step number `step` (from 1). The gradients of slices are summed in order. The random
  /// draws of a sample depend on its index in the batch, not on the slices.
  /// @param observer of the backward passes, or null
  /// @throws DivergedError if loss or gradient is not finite, naming step, layer and op of the
  ///   first value that is not (the step is computed again with the finite check on; parameters and
  ///   optimizer are unchanged); InternalError naming a parameter that got no gradient.
  Result operator()(const data::Batch& batch, int64_t step, double learning_rate,
                    autograd::Observer* observer = nullptr);

  /// The gradients of a step alone: what `swin plan` runs dry. @return the losses.
  tasks::Metrics gradients(const data::Batch& batch, int64_t step,
                           autograd::Observer* observer = nullptr);

 private:
  [[noreturn]] void throw_diverged(const data::Batch& batch, int64_t step, const Result& result);

  tasks::Task* task_;
  Optimizer* optimizer_;
  TrainerConfig config_;
  std::vector<layers::BufferUpdate> buffer_updates_;  // of the slices, in order
  bool gradients_checked_ = false;
};

}  // namespace swin::trainers
