// One step: forward and backward of a batch slice by slice, checks, clipping, optimizer.
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
    double loss = 0;           ///< mean over the batch, with the targets of training
    double gradient_norm = 0;  ///< before clipping
  };
  /// Makes step number `step` (from 1). Gradients of slices add up in their order; sample s of
  /// the batch has the random draws of sample s however the batch is cut.
  /// @throws DivergedError where loss or gradient is not finite, naming step, layer and op of the
  ///   first number that is not (the step is computed again with the finite check on; parameters
  ///   and optimizer are untouched); InternalError naming a parameter that got no gradient.
  Result operator()(const data::Batch& batch, int64_t step, double learning_rate);

 private:
  double gradients(const data::Batch& batch, int64_t step);
  [[noreturn]] void explain(const data::Batch& batch, int64_t step, const Result& result);

  layers::Model* model_;
  const tasks::Task* task_;
  AdamW* optimizer_;
  TrainerConfig config_;
  bool gradients_checked_ = false;
};

}  // namespace swin::trainers
