#include "trainers/run/training_loop.h"

#include <cmath>

#include "base/counts.h"
#include "base/errors.h"
#include "tasks/task_table.h"
#include "trainers/run/data_options.h"
#include "trainers/run/evaluation.h"
#include "trainers/run/signals.h"

namespace swin::trainers {

data::LoaderOptions training_loader(const Config& config) {
  data::LoaderOptions options;
  options.batch_size = config.trainer.batch_size;
  options.shuffle = true;
  options.drop_last = true;
  options.training = true;
  options.seed = static_cast<uint64_t>(config.trainer.seed);
  options.workers = static_cast<int>(config.runtime.workers);
  options.on_bad = config.data.on_bad == "error" ? data::OnBad::error : data::OnBad::replace;
  options.label_rows = has_label_rows(config);
  options.group_by_aspect_ratio = config.data.group_by_aspect_ratio;
  options.preprocess = preprocess_of(config);
  options.augment = augment_of(config);
  return options;
}

int64_t TrainingLoop::steps_per_epoch(const Config& config, const data::Dataset& train) {
  const int64_t steps = train.size() / config.trainer.batch_size;
  if (steps < 1)
    throw base::DataError(
        "data.train",
        "found " + base::grouped(train.size()) + " images, expected at least the " +
            base::grouped(config.trainer.batch_size) + " of one batch (trainer.batch_size)",
        "lower trainer.batch_size or add images");
  return steps;
}

TrainingLoop::TrainingLoop(const RunParts& parts, TrainState& state)
    : parts_(parts),
      state_(state),
      steps_per_epoch_(parts.identity.steps_per_epoch),
      schedule_(parts.config.schedule, parts.config.optimizer, parts.config.trainer.batch_size,
                steps_per_epoch_),
      step_(parts.task, parts.optimizer, parts.config.trainer),
      train_loader_(parts.train, training_loader(parts.config)),
      bad_images_(parts.directory.path() / "bad.jsonl", state_.step == 0,
                  steps_per_epoch_ * parts.config.trainer.batch_size,
                  parts.config.data.max_bad_fraction),
      saved_step_(state.step) {
  if (parts.validation) {
    const data::LoaderOptions options = evaluation_loader(parts.config, *parts.validation);
    validation_batch_size_ = options.batch_size;
    validation_loader_ = std::make_unique<data::Loader>(*parts.validation, options);
  }
}

bool TrainingLoop::finished() const {
  return state_.step >= schedule_.total_steps() && state_.epoch >= epoch_of(state_.step);
}

double TrainingLoop::images_per_second() const {
  const double seconds = timer_.seconds();
  return seconds > 0 ? static_cast<double>(images_) / seconds : 0;
}

TrainingLoop::End TrainingLoop::run() {
  since_save_.restart();
  try {
    return run_steps();
  } catch (const base::DataError&) {  // of images: after a repair the run is taken up here
    if (state_.step > saved_step_) save();
    throw;
  }
}

TrainingLoop::End TrainingLoop::run_steps() {
  // The run may have been stopped between the last step of an epoch and its evaluation.
  if (ends_epoch(state_.step) && state_.epoch < epoch_of(state_.step)) {
    if (!finish_epoch()) return End::stopped;
    save();
  }
  while (!finished()) {
    start_loader();
    for (bool epoch_ended = false; !epoch_ended;) {
      train_step();
      epoch_ended = ends_epoch(state_.step);
      const bool complete = StopSignals::pending() == 0 && (!epoch_ended || finish_epoch());
      const bool stopping = !complete && !finished();
      if (stopping || due(epoch_ended)) save();
      if (stopping) return End::stopped;
    }
  }
  return End::finished;
}

void TrainingLoop::start_loader() {
  // Passes over the set that an epoch needs after its first one have numbers of their own.
  constexpr int64_t kPass = int64_t{1} << 32;
  const int64_t epoch = state_.step / steps_per_epoch_, batch = state_.step % steps_per_epoch_,
                batches = train_loader_.num_batches();
  train_loader_.start(epoch + batch / batches * kPass, batch % batches);
}

void TrainingLoop::train_step() {
  timer_.start();
  bool found = train_loader_.next(batch_);
  if (!found) {
    start_loader();
    found = train_loader_.next(batch_);
  }
  if (!found)
    throw base::InternalError("training loop", "found the end of the epoch after " +
                                                   std::to_string(state_.step) +
                                                   " steps, expected a batch");
  const int64_t step = state_.step + 1;
  if (!batch_.bad.empty())
    state_.bad_images =
        bad_images_.add(batch_, parts_.train, state_.bad_images, epoch_of(step), parts_.listener);
  // Mixup or cutmix; the draws depend on the epoch and the index of the batch therein.
  const auto [height, width] = batch_.padded_size;
  const data::Mix drawn = data::draw_mix(mixing_of(parts_.config), height, width,
                                         static_cast<uint64_t>(parts_.config.trainer.seed),
                                         static_cast<uint64_t>(state_.step / steps_per_epoch_),
                                         static_cast<uint64_t>(state_.step % steps_per_epoch_));
  data::mix(drawn, height, width, parts_.config.model.in_chans, batch_);
  const double learning_rate = schedule_.learning_rate(step);
  const Step::Result result = step_(batch_, step, learning_rate, parts_.listener.observer(step));
  state_.step = step;
  images_ += batch_.size;
  parts_.listener.step({.step = step,
                        .total_steps = schedule_.total_steps(),
                        .epoch = epoch_of(step),
                        .total_epochs = epoch_of(schedule_.total_steps()),
                        .losses = result.losses,
                        .learning_rate = learning_rate,
                        .gradient_norm = result.gradient_norm,
                        .batch_size = batch_.size,
                        .images = images_,
                        .seconds = seconds(),
                        .data_wait_seconds = data_wait_seconds(),
                        .steps_per_epoch = steps_per_epoch_});
}

bool TrainingLoop::finish_epoch() {
  const int64_t epoch = epoch_of(state_.step);
  const bool evaluated =
      parts_.validation && (epoch % parts_.config.trainer.evaluate_every_epochs == 0 ||
                            state_.step == schedule_.total_steps());
  const base::Stopwatch watch;
  timer_.stop();
  if (evaluated && !evaluate()) return false;
  const EpochReport report{.epoch = epoch,
                           .total_epochs = epoch_of(schedule_.total_steps()),
                           .metrics = evaluated ? std::optional(state_.metrics) : std::nullopt,
                           .evaluate_seconds = watch.seconds(),
                           .bad_images = state_.bad_images,
                           .validation_bad_images = evaluated ? validation_bad_images_ : 0,
                           .new_best = new_best_,
                           .step = state_.step,
                           .evaluation = evaluation_ ? &*evaluation_ : nullptr};
  state_.epoch = epoch;
  state_.bad_images = 0;
  parts_.listener.evaluated(report);
  evaluation_.reset();
  return true;
}

void TrainingLoop::check_validation(const Measured& measured) const {
  const DataConfig& data = parts_.config.data;
  const double bad = static_cast<double>(measured.bad.size());
  const bool never = data.on_bad == "error";
  const double most = never ? 0 : data.max_bad_fraction * static_cast<double>(measured.all());
  if (bad <= most && measured.images > 0) return;
  throw base::DataError(
      "data.validation",
      unreadable_text(measured, never ? "none (data.on_bad is \"error\")"
                                      : "at most " +
                                            base::to_text(base::Json(data.max_bad_fraction)) +
                                            " of them (data.max_bad_fraction)"),
      "repair or remove them (bad.jsonl lists all), then start the same command again");
}

bool TrainingLoop::evaluate() {
  const std::vector<std::string> names =
      row_names(parts_.identity.class_names, parts_.config.model.num_classes);
  auto measured =
      measure(parts_.task, *validation_loader_, validation_batch_size_, parts_.validation_labels,
              [&](int64_t images) {
                parts_.listener.evaluating(images, parts_.validation->size());
                return StopSignals::pending() == 0;
              },
              {.pictures = picture_options(parts_.config, names)});
  if (!measured) return false;
  bad_images_.add(*measured, parts_.listener);
  check_validation(*measured);
  validation_bad_images_ = std::ssize(measured->bad);
  state_.metrics = measured->metrics;
  evaluation_ = report_of(*measured, "data.validation", names);
  evaluation_->step = state_.step;
  evaluation_->epoch = epoch_of(state_.step);
  const std::string& monitor = parts_.config.checkpoint.monitor;
  const bool larger_is_better = tasks::larger_is_better(parts_.config.task.name, monitor);
  for (const auto& [name, value] : state_.metrics) {
    if (name != monitor || std::isnan(value)) continue;
    const bool better = !state_.best || (larger_is_better ? value > state_.best->value
                                                          : value < state_.best->value);
    if (!better) continue;
    state_.best = TrainState::Best{monitor, value, state_.step};
    new_best_ = true;
  }
  return true;
}

bool TrainingLoop::due(bool epoch_ended) const {
  const CheckpointConfig& checkpoint = parts_.config.checkpoint;
  return state_.step == schedule_.total_steps() || (new_best_ && checkpoint.keep_best) ||
         (checkpoint.every_steps && state_.step % *checkpoint.every_steps == 0) ||
         (checkpoint.every_epochs && epoch_ended &&
          epoch_of(state_.step) % *checkpoint.every_epochs == 0) ||
         (checkpoint.every_minutes && since_save_.seconds() >= 60 * *checkpoint.every_minutes);
}

void TrainingLoop::save() {
  timer_.stop();
  save_checkpoint(parts_.directory.checkpoint_path(state_.step), state_, parts_.identity);
  // best.h5 first: if the process dies between the links, the newest checkpoint is found by its
  // name.
  if (new_best_ && parts_.config.checkpoint.keep_best) parts_.directory.link(kBest, state_.step);
  parts_.directory.link(kLast, state_.step);
  parts_.directory.prune(state_.step, parts_.config.checkpoint.keep_last);
  new_best_ = false;
  saved_step_ = state_.step;
  since_save_.restart();
  parts_.listener.saved(state_.step);
}

}  // namespace swin::trainers
