// One training step: forward and backward of a batch slice by slice, checks, clipping, optimizer.
#pragma once
#include <cstdint>

#include "data/loader.h"
#include "layers/model.h"
#include "tasks/task.h"
#include "trainers/optim/adamw.h"

namespace swin::trainers {

class TrainingStep {
 public:
  TrainingStep(layers::Model& model, const tasks::Task& task, AdamW& optimizer,
               const TrainerConfig& config);

  struct Result {
    double loss = 0;           ///< mean over the batch, with smoothed and mixed targets
    double gradient_norm = 0;  ///< before clipping
  };
  /// Makes step number `step` (from 1). The gradients of slices are summed in order. The random
  /// draws of a sample depend on its index in the batch, not on the slices.
  /// @throws DivergedError if loss or gradient is not finite, naming step, layer and op of the
  /// first
  ///   value that is not (the step is computed again with the finite check on; parameters and
  ///   optimizer are unchanged); InternalError naming a parameter that got no gradient.
  Result operator()(const data::Batch& batch, int64_t step, double learning_rate);

 private:
  double gradients(const data::Batch& batch, int64_t step);
  [[noreturn]] void throw_diverged(const data::Batch& batch, int64_t step, const Result& result);

  layers::Model* model_;
  const tasks::Task* task_;
  AdamW* optimizer_;
  TrainerConfig config_;
  bool gradients_checked_ = false;
};

}  // namespace swin::trainers
