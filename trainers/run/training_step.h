// One update: forward and backward of a batch slice by slice, checks, clipping, optimizer.
#pragma once
#include <cstdint>

#include "data/loader.h"
#include "layers/model.h"
#include "trainers/optim/adamw.h"
#include "trainers/tasks/task.h"

namespace swin::trainers {

/// The targets of images begin … begin + n − 1 of a batch, mixed as the images are: share · own +
/// (1 − share) · partner's, each smoothed by the task.
autograd::Tensor targets_of(const Task& task, const data::Batch& batch, int64_t begin, int64_t n);

class TrainingStep {
 public:
  TrainingStep(layers::Model& model, const Task& task, AdamW& optimizer,
               const TrainerConfig& config);

  struct Result {
    double loss = 0;           ///< mean over the batch, with the targets of training
    double gradient_norm = 0;  ///< before clipping
  };
  /// Makes update number `update` (from 1). Gradients of slices add up in their order; sample s of
  /// the batch has the random draws of sample s however the batch is cut.
  /// @throws DivergedError where loss or gradient is not finite, naming update, layer and op of the
  ///   first number that is not (the step is computed again with the finite check on; parameters
  ///   and optimizer are untouched); InternalError naming a parameter that got no gradient.
  Result operator()(const data::Batch& batch, int64_t update, double learning_rate);

 private:
  double gradients(const data::Batch& batch, int64_t update);
  [[noreturn]] void explain(const data::Batch& batch, int64_t update, const Result& result);

  layers::Model* model_;
  const Task* task_;
  AdamW* optimizer_;
  TrainerConfig config_;
  bool gradients_checked_ = false;
};

}  // namespace swin::trainers
