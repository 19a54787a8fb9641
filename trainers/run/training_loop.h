// The loop of a run: epochs, steps, log, evaluation, checkpoints, signals.
#pragma once
#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>

#include "data/loader.h"
#include "trainers/optim/schedule.h"
#include "trainers/report/progress.h"
#include "trainers/run/bad_images.h"
#include "trainers/run/run_directory.h"
#include "trainers/run/run_log.h"
#include "trainers/run/run_state.h"
#include "trainers/run/training_step.h"

namespace swin::trainers {

/// Time that counts: what evaluation and saving take is left out.
class Stopwatch {
 public:
  double seconds() const { return total_ + (running_ ? since_start() : 0); }
  void start() {  ///< no effect while it runs
    if (!running_) start_ = Clock::now();
    running_ = true;
  }
  void stop() {
    if (running_) total_ += since_start();
    running_ = false;
  }

 private:
  using Clock = std::chrono::steady_clock;
  double since_start() const {
    return std::chrono::duration<double>(Clock::now() - start_).count();
  }
  Clock::time_point start_;
  double total_ = 0;
  bool running_ = false;
};

/// Everything a run works with; made by train().
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
  std::function<void(int64_t step)> after_update;
};

/// The loader of a run: shuffled whole batches, augmented.
data::LoaderOptions training_loader(const Config& config);

class TrainingLoop {
 public:
  /// @param state where the run is; best.h5 is made to agree with it.
  TrainingLoop(const RunParts& parts, RunState state);

  enum class End { finished, stopped };
  /// Runs to the end of the schedule, or until a signal is pending: then the step in hand is
  /// finished and saved. An evaluation that a signal ended is made up for when the run goes on.
  End run();

  const RunState& state() const { return state_; }
  int64_t steps_per_epoch() const { return steps_per_epoch_; }
  /// Whether nothing is left to do.
  bool finished() const;
  double images_per_second() const;
  /// Of this call: seconds that steps took, and those of them spent waiting for images.
  double seconds() const { return watch_.seconds(); }
  double data_wait_seconds() const { return train_loader_.seconds_waited(); }
  int64_t bad_images() const { return bad_images_.total(); }

  /// Steps of one epoch: a last batch that is not full is left out. @throws DataError if none.
  static int64_t steps_per_epoch(const Config& config, const data::Dataset& train);

 private:
  int64_t epoch_of(int64_t step) const { return (step - 1) / steps_per_epoch_ + 1; }  // from 1
  bool ends_epoch(int64_t step) const {
    return step > 0 && (step % steps_per_epoch_ == 0 || step == schedule_.total_steps());
  }
  void update();
  /// mixup or cutmix of the batch in hand; named by its epoch and place.
  void mix_batch();
  void log_step(const TrainingStep::Result& result, double learning_rate);
  bool finish_epoch();
  /// The same; saves before it hands on the error of an image that cannot be evaluated.
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

  Stopwatch watch_;
  std::chrono::steady_clock::time_point last_save_;
  int64_t images_ = 0, logged_images_ = 0;            // of this call
  double logged_seconds_ = 0, logged_data_wait_ = 0;  // at the last line of the log
  bool new_best_ = false;
};

}  // namespace swin::trainers
