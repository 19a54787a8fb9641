// The loop of a run: epochs, steps, log, evaluation, checkpoints, signals.
#pragma once
#include <cstdint>
#include <functional>
#include <memory>

#include "base/stopwatch.h"
#include "data/loader.h"
#include "trainers/optim/schedule.h"
#include "trainers/report/progress.h"
#include "trainers/run/bad_images.h"
#include "trainers/run/run_directory.h"
#include "trainers/run/run_log.h"
#include "trainers/run/run_state.h"
#include "trainers/run/training_step.h"

namespace swin::trainers {

/// The time of the steps alone: it is stopped during evaluation and saving.
class StepTimer {
 public:
  double seconds() const { return total_ + (running_ ? watch_.seconds() : 0); }
  void start() {  ///< no effect while it runs
    if (!running_) watch_.restart();
    running_ = true;
  }
  void stop() {
    if (running_) total_ += watch_.seconds();
    running_ = false;
  }

 private:
  base::Stopwatch watch_;
  double total_ = 0;
  bool running_ = false;
};

/// Everything that a run uses; made by train().
struct RunParts {
  const Config& config;
  const RunIdentity& identity;
  const RunDirectory& directory;
  const data::Dataset& train;
  const data::Dataset* validation = nullptr;  ///< null: nothing is evaluated
  layers::Model& model;
  tasks::Task& task;
  AdamW& optimizer;
  Progress& progress;
  std::function<void(int64_t step)> after_step;
};

/// Loader options for training: shuffled, whole batches, augmented.
data::LoaderOptions training_loader(const Config& config);

class TrainingLoop {
 public:
  /// @param state the progress of the run; best.h5 is made to agree with it.
  TrainingLoop(const RunParts& parts, RunState state);

  enum class End { finished, stopped };
  /// Runs to the end of the schedule, or until a signal is pending: then the current step is
  /// finished and saved. An evaluation that a signal interrupted is repeated when the run is
  /// resumed.
  End run();

  const RunState& state() const { return state_; }
  int64_t steps_per_epoch() const { return steps_per_epoch_; }
  /// Whether the run is complete.
  bool finished() const;
  double images_per_second() const;
  /// Of this call: the seconds of all steps, and the part of them spent waiting for images.
  double seconds() const { return timer_.seconds(); }
  double data_wait_seconds() const { return train_loader_.seconds_waited(); }
  int64_t bad_images() const { return bad_images_.total(); }

  /// Steps per epoch; a last batch that is not full is left out. @throws DataError if it is 0.
  static int64_t steps_per_epoch(const Config& config, const data::Dataset& train);

 private:
  int64_t epoch_of(int64_t step) const { return (step - 1) / steps_per_epoch_ + 1; }  // from 1
  bool ends_epoch(int64_t step) const {
    return step > 0 && (step % steps_per_epoch_ == 0 || step == schedule_.total_steps());
  }
  void train_step();
  /// Mixup or cutmix of the current batch; the draws depend on its epoch and its index therein.
  void mix_batch();
  void log_step(const TrainingStep::Result& result, double learning_rate);
  bool finish_epoch();
  /// The same, but saves before it rethrows the error of an image that cannot be read.
  bool finish_epoch_or_save();
  bool evaluate();
  bool due(bool epoch_ended) const;
  void save();

  RunParts parts_;
  RunState state_;
  int64_t steps_per_epoch_;
  Schedule schedule_;
  TrainingStep step_;
  RunLog log_;
  data::Loader train_loader_;
  BadImages bad_images_;
  std::unique_ptr<data::Loader> validation_loader_;
  int64_t validation_batch_size_ = 0;
  data::Batch batch_;

  StepTimer timer_;
  base::Stopwatch since_save_;
  int64_t images_ = 0, logged_images_ = 0;            // of this call
  double logged_seconds_ = 0, logged_data_wait_ = 0;  // at the latest line of the log
  bool new_best_ = false;
};

}  // namespace swin::trainers
