#include "trainers/run/step.h"

#include <algorithm>
#include <cmath>

#include "autograd/ops/ops.h"
#include "autograd/tape/op.h"
#include "base/errors.h"
#include "trainers/optim/parameter_groups.h"

namespace swin::trainers {

Step::Step(tasks::Task& task, Optimizer& optimizer, const TrainerConfig& config)
    : task_(&task), optimizer_(&optimizer), config_(config) {
  freeze(task.parameters(), config.freeze);
}

Step::Result Step::operator()(const data::Batch& batch, int64_t step, double learning_rate,
                              autograd::Observer* observer) {
  Result result;
  result.losses = gradients(batch, step, observer);
  if (!gradients_checked_) {
    const std::string name = task_->parameters().without_gradient();
    if (!name.empty())
      throw base::InternalError(name, "found no gradient after the first backward, expected one",
                                "report this config: a part of the model would never be trained");
    gradients_checked_ = true;
  }
  result.gradient_norm = gradient_norm(task_->parameters());
  if (!std::isfinite(result.loss()) || !std::isfinite(result.gradient_norm))
    throw_diverged(batch, step, result);
  const double factor =
      config_.clip_grad ? std::min(1.0, *config_.clip_grad / (result.gradient_norm + 1e-6)) : 1.0;
  optimizer_->step(learning_rate, factor, step);
  task_->parameters().commit(buffer_updates_);
  return result;
}

tasks::Metrics Step::gradients(const data::Batch& batch, int64_t step,
                               autograd::Observer* observer) {
  task_->parameters().begin_step();
  const int64_t size = config_.micro_batch_size.value_or(batch.size);  // of a slice
  const tasks::Count count = task_->count(batch);
  buffer_updates_.clear();
  tasks::Metrics losses;
  layers::Pass pass;
  pass.training = true;
  pass.seed = static_cast<uint64_t>(config_.seed);
  pass.step = static_cast<uint64_t>(step);
  pass.buffer_updates = &buffer_updates_;
  for (int64_t begin = 0; begin < batch.size; begin += size) {
    autograd::Tape tape;
    const autograd::Tape::Recording recording(tape);
    pass.first_sample = static_cast<uint64_t>(begin);
    const tasks::Losses of_slice =
        task_->loss({batch, begin, std::min(size, batch.size - begin)}, pass, count);
    if (losses.empty())
      for (const tasks::NamedTensor& loss : of_slice) losses.emplace_back(loss.name, 0.0);
    for (size_t i = 0; i < of_slice.size() && !base::DryRun::active(); ++i) {
      if (losses.size() != of_slice.size() || losses[i].first != of_slice[i].name)
        throw base::InternalError(of_slice[i].name,
                                  "found other losses than those of the first slice, "
                                  "expected the same names in the same order");
      losses[i].second += static_cast<double>(of_slice[i].value.data()[0]);
    }
    tape.backward(of_slice[0].value, observer);
  }
  return losses;
}

void Step::throw_diverged(const data::Batch& batch, int64_t step, const Result& result) {
  const std::string where = "step " + std::to_string(step);
  const std::string remedy =
      "lower optimizer.lr, set trainer.clip_grad or lengthen the warm-up; no checkpoint was "
      "changed";
  try {
    const autograd::FiniteCheck check;
    const autograd::OpByOp op_by_op;  // to name the layer
    gradients(batch, step);
  } catch (const base::DivergedError& e) {
    throw base::DivergedError(where, e.what(), remedy);
  }
  throw base::DivergedError(where,
                            "found loss " + std::to_string(result.loss()) + " and gradient norm " +
                                std::to_string(result.gradient_norm) + ", expected finite numbers",
                            remedy);
}

}  // namespace swin::trainers
