#include "trainers/run/training_step.h"

#include <algorithm>
#include <cmath>

#include "autograd/tape/op.h"
#include "base/errors.h"
#include "trainers/optim/parameter_groups.h"
#include "trainers/run/evaluation.h"

namespace swin::trainers {

using autograd::Tensor;

TrainingStep::TrainingStep(layers::Model& model, const tasks::Task& task, AdamW& optimizer,
                           const TrainerConfig& config)
    : model_(&model), task_(&task), optimizer_(&optimizer), config_(config) {
  freeze(model.parameters(), config.freeze);
}

TrainingStep::Result TrainingStep::operator()(const data::Batch& batch, int64_t step,
                                              double learning_rate) {
  Result result;
  result.loss = gradients(batch, step);
  if (!gradients_checked_) {
    const std::string name = model_->parameters().without_gradient();
    if (!name.empty())
      throw base::InternalError(name, "found no gradient after the first backward, expected one",
                                "report this config: a part of the model would never be trained");
    gradients_checked_ = true;
  }
  result.gradient_norm = gradient_norm(model_->parameters());
  if (!std::isfinite(result.loss) || !std::isfinite(result.gradient_norm))
    throw_diverged(batch, step, result);
  const double factor =
      config_.clip_grad ? std::min(1.0, *config_.clip_grad / (result.gradient_norm + 1e-6)) : 1.0;
  optimizer_->step(learning_rate, factor, step);
  return result;
}

double TrainingStep::gradients(const data::Batch& batch, int64_t step) {
  model_->parameters().begin_step();
  const int64_t slice = config_.micro_batch_size.value_or(batch.size);
  const real factor = real{1} / static_cast<real>(batch.size);
  double loss = 0;
  for (int64_t begin = 0; begin < batch.size; begin += slice) {
    const int64_t n = std::min(slice, batch.size - begin);
    const Tensor images = images_of(batch, begin, n, n, model_->config());
    const Tensor targets = tasks::targets_of(*task_, batch, begin, n);
    layers::Pass pass;
    pass.training = true;
    pass.seed = static_cast<uint64_t>(config_.seed);
    pass.step = static_cast<uint64_t>(step);
    pass.first_sample = static_cast<uint64_t>(begin);
    autograd::Tape tape;
    const autograd::Tape::Recording recording(tape);
    const Tensor slice_loss = task_->loss(model_->forward(images, pass), targets, factor);
    loss += static_cast<double>(slice_loss.data()[0]);
    tape.backward(slice_loss);
  }
  return loss;
}

void TrainingStep::throw_diverged(const data::Batch& batch, int64_t step, const Result& result) {
  const std::string where = "step " + std::to_string(step);
  const std::string remedy =
      "lower optimizer.lr, set trainer.clip_grad or lengthen the warm-up; no checkpoint was "
      "changed";
  try {
    const autograd::FiniteCheck check;
    gradients(batch, step);
  } catch (const base::DivergedError& e) {
    throw base::DivergedError(where, e.what(), remedy);
  }
  throw base::DivergedError(where,
                            "found loss " + std::to_string(result.loss) + " and gradient norm " +
                                std::to_string(result.gradient_norm) + ", expected finite numbers",
                            remedy);
}

}  // namespace swin::trainers
