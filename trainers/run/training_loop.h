// The loop of a run: epochs, steps, evaluation, checkpoints, signals. It tells a RunListener.
#pragma once
#include <cstdint>
#include <memory>

#include "base/stopwatch.h"
#include "data/loader.h"
#include "trainers/optim/schedule.h"
#include "trainers/run/bad_images.h"
#include "trainers/run/evaluation.h"
#include "trainers/run/run_directory.h"
#include "trainers/run/step.h"
#include "trainers/run/train_state.h"

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
  LabelMap validation_labels = {};
  tasks::Task& task;
  Optimizer& optimizer;
  RunListener& listener;
};

/// Loader options for training: shuffled, whole batches, augmented.
data::LoaderOptions training_loader(const Config& config);

class TrainingLoop {
 public:
  /// @param state of the run so far; it is advanced.
  TrainingLoop(const RunParts& parts, TrainState& state);

  enum class End { finished, stopped };
  /// Runs to the end of the schedule, or until a signal is pending: then the current step is
  /// finished and saved. An evaluation that a signal interrupted is repeated when the run is
  /// resumed.
  End run();

  int64_t steps_per_epoch() const { return steps_per_epoch_; }
  /// Whether the run is complete.
  bool finished() const;
  double images_per_second() const;
  /// Of this call: the seconds of all steps, and the part of them spent waiting for images.
  double seconds() const { return timer_.seconds(); }
  double data_wait_seconds() const { return train_loader_.seconds_waited(); }
  int64_t bad_images() const { return bad_images_.total(); }
  /// Left out of the latest evaluation of this call.
  int64_t validation_bad_images() const { return validation_bad_images_; }

  /// Steps per epoch of a new run; a last batch that is not full is left out. @throws DataError if
  /// it is 0.
  static int64_t steps_per_epoch(const Config& config, const data::Dataset& train);

 private:
  int64_t epoch_of(int64_t step) const { return (step - 1) / steps_per_epoch_ + 1; }  // from 1
  bool ends_epoch(int64_t step) const {
    return step > 0 && (step % steps_per_epoch_ == 0 || step == schedule_.total_steps());
  }
  End run_steps();
  /// Starts the loader where the next step is. If the images changed since the start of the run,
  /// an epoch keeps its steps: it takes fewer batches than the set has, or goes over it again.
  void start_loader();
  void train_step();
  /// @return false if a signal interrupted the evaluation
  bool finish_epoch();
  bool evaluate();
  void check_validation(const Measured& measured) const;
  bool due(bool epoch_ended) const;
  void save();

  RunParts parts_;
  TrainState& state_;
  int64_t steps_per_epoch_;
  Schedule schedule_;
  Step step_;
  data::Loader train_loader_;
  BadImages bad_images_;
  std::unique_ptr<data::Loader> validation_loader_;
  int64_t validation_batch_size_ = 0;
  data::Batch batch_;

  StepTimer timer_;
  base::Stopwatch since_save_;
  int64_t images_ = 0;  // of this call
  int64_t validation_bad_images_ = 0;
  std::optional<EvaluationReport> evaluation_;  // of the epoch that ends
  int64_t saved_step_;                          // of the newest checkpoint
  bool new_best_ = false;
};

}  // namespace swin::trainers
