#include "trainers/run/training_loop.h"

#include <algorithm>
#include <cmath>

#include "base/cpu.h"
#include "base/errors.h"
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
  options.label_rows = config.task.many_labels();
  options.preprocess = preprocess_of(config);
  options.augment = augment_of(config);
  return options;
}

int64_t TrainingLoop::steps_per_epoch(const Config& config, const data::Dataset& train) {
  const int64_t steps = train.size() / config.trainer.batch_size;
  if (steps < 1)
    throw base::DataError(
        "data.train",
        "found " + std::to_string(train.size()) + " images, expected at least the " +
            std::to_string(config.trainer.batch_size) + " of one batch (trainer.batch_size)",
        "lower trainer.batch_size or add images");
  return steps;
}

TrainingLoop::TrainingLoop(const RunParts& parts, RunState state)
    : parts_(parts),
      state_(std::move(state)),
      steps_per_epoch_(steps_per_epoch(parts.config, parts.train)),
      schedule_(parts.config.schedule, parts.config.optimizer, parts.config.trainer.batch_size,
                steps_per_epoch_),
      step_(parts.model, parts.task, parts.optimizer, parts.config.trainer),
      log_(parts.directory.log_path(), RunLog::up_to(state_.step, state_.epoch)),
      train_loader_(parts.train, training_loader(parts.config)),
      bad_images_(parts.directory.path() / "bad.jsonl", state_.step == 0,
                  train_loader_.num_samples(), parts.config.data.max_bad_fraction) {
  if (parts.validation) {
    const data::LoaderOptions options = evaluation_loader(parts.config, *parts.validation);
    validation_batch_size_ = options.batch_size;
    validation_loader_ = std::make_unique<data::Loader>(*parts.validation, options);
  }
  const CheckpointConfig& checkpoint = parts.config.checkpoint;
  // The values of another monitor cannot be compared with the stored best.
  if (state_.best && state_.best->monitor != checkpoint.monitor) state_.best.reset();
  // best.h5 may be outdated: after a resume from an older checkpoint it can belong to the abandoned
  // branch, and a process that died while saving may not have moved it.
  const auto linked = parts.directory.linked_step(kBest);
  const bool kept = state_.best && checkpoint.keep_best &&
                    std::filesystem::exists(parts.directory.checkpoint_path(state_.best->step));
  if (kept && linked != state_.best->step)
    parts.directory.link(kBest, state_.best->step);
  else if (!kept && linked)
    parts.directory.unlink(kBest);
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
  // The run may have been stopped between the last step of an epoch and its evaluation.
  if (ends_epoch(state_.step) && state_.epoch < epoch_of(state_.step)) {
    if (!finish_epoch_or_save()) return End::stopped;
    save();
  }
  while (!finished()) {
    train_loader_.start(state_.step / steps_per_epoch_, state_.step % steps_per_epoch_);
    for (bool epoch_ended = false; !epoch_ended;) {
      train_step();
      epoch_ended = ends_epoch(state_.step);
      const bool complete = StopSignals::pending() == 0 && (!epoch_ended || finish_epoch_or_save());
      const bool stopping = !complete && !finished();
      if (stopping || due(epoch_ended)) save();
      if (stopping) return End::stopped;
    }
  }
  return End::finished;
}

void TrainingLoop::train_step() {
  timer_.start();
  if (!train_loader_.next(batch_))
    throw base::InternalError("training loop", "found the end of the epoch after " +
                                                   std::to_string(state_.step) +
                                                   " steps, expected a batch");
  const int64_t step = state_.step + 1;
  if (!batch_.bad.empty()) {
    state_.bad_images =
        bad_images_.add(batch_, parts_.train, state_.bad_images, epoch_of(step), parts_.progress);
  }
  mix_batch();
  const double learning_rate = schedule_.learning_rate(step);
  const TrainingStep::Result result = step_(batch_, step, learning_rate);
  state_.step = step;
  images_ += batch_.size;
  if (step % parts_.config.trainer.log_every_steps == 0 || step == schedule_.total_steps())
    log_step(result, learning_rate);
  const double rate = images_per_second();
  parts_.progress.update(
      {.step = step,
       .total_steps = schedule_.total_steps(),
       .epoch = epoch_of(step),
       .total_epochs = epoch_of(schedule_.total_steps()),
       .loss = result.loss,
       .learning_rate = learning_rate,
       .images_per_second = rate,
       .data_wait = data_wait_seconds() / std::max(seconds(), 1e-9),
       .seconds_left = static_cast<double>((schedule_.total_steps() - step) * batch_.size) / rate});
  if (parts_.after_step) parts_.after_step(step);
}

void TrainingLoop::mix_batch() {
  const layers::ModelConfig& model = parts_.config.model;
  const auto [height, width] = model.image_size;
  const data::Mix drawn = data::draw_mix(mixing_of(parts_.config), height, width,
                                         static_cast<uint64_t>(parts_.config.trainer.seed),
                                         static_cast<uint64_t>(state_.step / steps_per_epoch_),
                                         static_cast<uint64_t>(state_.step % steps_per_epoch_));
  data::mix(drawn, height, width, model.in_chans, batch_);
}

void TrainingLoop::log_step(const TrainingStep::Result& result, double learning_rate) {
  const double seconds = timer_.seconds(), data_wait = train_loader_.seconds_waited();
  base::Json line = base::Json::object();
  line["step"] = state_.step;
  line["epoch"] = epoch_of(state_.step);
  line["loss"] = result.loss;
  line["lr"] = learning_rate;
  line["grad_norm"] = result.gradient_norm;
  line["images_per_second"] =
      static_cast<double>(images_ - logged_images_) / std::max(seconds - logged_seconds_, 1e-9);
  line["data_wait_seconds"] = data_wait - logged_data_wait_;
  line["peak_memory_bytes"] = base::peak_memory_bytes();
  log_.line(line);
  logged_images_ = images_;
  logged_seconds_ = seconds;
  logged_data_wait_ = data_wait;
}

bool TrainingLoop::finish_epoch_or_save() {
  try {
    return finish_epoch();
  } catch (const base::DataError&) {
    save();
    throw;
  }
}

bool TrainingLoop::finish_epoch() {
  const int64_t epoch = epoch_of(state_.step);
  const bool evaluated =
      parts_.validation && (epoch % parts_.config.trainer.evaluate_every_epochs == 0 ||
                            state_.step == schedule_.total_steps());
  const base::Stopwatch watch;
  timer_.stop();
  if (evaluated && !evaluate()) return false;
  base::Json line = base::Json::object();
  line["epoch"] = epoch;
  std::string text;
  if (evaluated) {
    for (const auto& [name, value] : state_.metrics) {
      line[name] = value;
      text += "  " + name + " " + short_number(value);
    }
    line["evaluate_seconds"] = watch.seconds();
  }
  line["bad_images"] = state_.bad_images;
  log_.line(line);
  state_.epoch = epoch;
  if (state_.bad_images > 0) text += "  bad images " + std::to_string(state_.bad_images);
  state_.bad_images = 0;
  if (evaluated || !text.empty())
    parts_.progress.message("epoch " + std::to_string(epoch) + "/" +
                            std::to_string(epoch_of(schedule_.total_steps())) + text +
                            (new_best_ ? "  (best)" : ""));
  return true;
}

bool TrainingLoop::evaluate() {
  const auto metrics =
      measure(parts_.model, parts_.task, *validation_loader_, validation_batch_size_, {},
              [&](int64_t images) {
                parts_.progress.images("evaluating", images, parts_.validation->size());
                return StopSignals::pending() == 0;
              });
  if (!metrics) return false;
  state_.metrics = *metrics;
  const std::string& monitor = parts_.config.checkpoint.monitor;
  for (const auto& [name, value] : *metrics) {
    if (name != monitor || std::isnan(value)) continue;
    const bool better =
        !state_.best || (parts_.task.larger_is_better(monitor) ? value > state_.best->value
                                                               : value < state_.best->value);
    if (!better) continue;
    state_.best = RunState::Best{monitor, value, state_.step};
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
  save_checkpoint(parts_.directory.checkpoint_path(state_.step), state_, parts_.identity,
                  parts_.model.parameters(), parts_.optimizer);
  // best.h5 first: if the process dies between the links, the newest checkpoint is found by its
  // name.
  if (new_best_ && parts_.config.checkpoint.keep_best) parts_.directory.link(kBest, state_.step);
  parts_.directory.link(kLast, state_.step);
  parts_.directory.prune(state_.step, parts_.config.checkpoint.keep_last);
  new_best_ = false;
  since_save_.restart();
}

}  // namespace swin::trainers
