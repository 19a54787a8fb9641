#include "trainers/run/training_step.h"

#include <algorithm>
#include <cmath>

#include "autograd/tape/op.h"
#include "base/errors.h"
#include "trainers/optim/parameter_groups.h"
#include "trainers/run/evaluation.h"

namespace swin::trainers {

using autograd::Tensor;

namespace {

/// share · own + (1 − share) · partner's: mixed images have mixed targets.
void mix_targets(std::span<const double> own_share, const Tensor& partners, Tensor& targets) {
  const int64_t classes = targets.numel() / static_cast<int64_t>(own_share.size());
  real* own = targets.mutable_data();
  const real* other = partners.data();
  for (const double share : own_share) {
    for (int64_t c = 0; c < classes; ++c, ++own, ++other)
      *own = static_cast<real>(share * static_cast<double>(*own) +
                               (1 - share) * static_cast<double>(*other));
  }
}

}  // namespace

Tensor targets_of(const Task& task, const data::Batch& batch, int64_t begin, int64_t n) {
  const auto first = static_cast<size_t>(begin), count = static_cast<size_t>(n);
  // One label an image, or a row of them.
  const auto columns = batch.labels.size() / static_cast<size_t>(batch.size);
  const std::span<const int64_t> labels(batch.labels);
  Tensor targets = task.targets(labels.subspan(first * columns, count * columns));
  if (batch.own_share.empty()) return targets;
  std::vector<int64_t> partners;
  for (int64_t i = begin; i < begin + n; ++i) {
    const auto row = labels.subspan(static_cast<size_t>(batch.size - 1 - i) * columns, columns);
    partners.insert(partners.end(), row.begin(), row.end());
  }
  mix_targets(std::span(batch.own_share).subspan(first, count), task.targets(partners), targets);
  return targets;
}

TrainingStep::TrainingStep(layers::Model& model, const Task& task, AdamW& optimizer,
                           const TrainerConfig& config)
    : model_(&model), task_(&task), optimizer_(&optimizer), config_(config) {
  freeze(model.parameters(), config.freeze);
}

TrainingStep::Result TrainingStep::operator()(const data::Batch& batch, int64_t update,
                                              double learning_rate) {
  Result result;
  result.loss = gradients(batch, update);
  if (!gradients_checked_) {
    const std::string name = model_->parameters().without_gradient();
    if (!name.empty())
      throw base::InternalError(name, "found no gradient after the first backward, expected one",
                                "report this config: a part of the model would never learn");
    gradients_checked_ = true;
  }
  result.gradient_norm = gradient_norm(model_->parameters());
  if (!std::isfinite(result.loss) || !std::isfinite(result.gradient_norm))
    explain(batch, update, result);
  const double factor =
      config_.clip_grad ? std::min(1.0, *config_.clip_grad / (result.gradient_norm + 1e-6)) : 1.0;
  optimizer_->step(learning_rate, factor, update);
  return result;
}

double TrainingStep::gradients(const data::Batch& batch, int64_t update) {
  model_->parameters().begin_update();
  const int64_t slice = config_.micro_batch_size.value_or(batch.size);
  const real factor = real{1} / static_cast<real>(batch.size);
  double loss = 0;
  for (int64_t begin = 0; begin < batch.size; begin += slice) {
    const int64_t n = std::min(slice, batch.size - begin);
    const Tensor images = images_of(batch, begin, n, n, model_->config());
    const Tensor targets = targets_of(*task_, batch, begin, n);
    layers::Pass pass;
    pass.training = true;
    pass.seed = static_cast<uint64_t>(config_.seed);
    pass.step = static_cast<uint64_t>(update);
    pass.first_sample = static_cast<uint64_t>(begin);
    autograd::Tape tape;
    const autograd::Tape::Recording recording(tape);
    const Tensor slice_loss = task_->loss(model_->forward(images, pass), targets, factor);
    loss += static_cast<double>(slice_loss.data()[0]);
    tape.backward(slice_loss);
  }
  return loss;
}

void TrainingStep::explain(const data::Batch& batch, int64_t update, const Result& result) {
  const std::string where = "step " + std::to_string(update);
  const std::string remedy =
      "lower optimizer.lr, set trainer.clip_grad or lengthen the warm-up; no checkpoint was "
      "changed";
  try {
    const autograd::FiniteCheck check;
    gradients(batch, update);
  } catch (const base::DivergedError& e) {
    throw base::DivergedError(where, e.what(), remedy);
  }
  throw base::DivergedError(where,
                            "found loss " + std::to_string(result.loss) + " and gradient norm " +
                                std::to_string(result.gradient_norm) + ", expected finite numbers",
                            remedy);
}

}  // namespace swin::trainers
