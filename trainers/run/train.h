// A run: from a config to a trained model, with its directory, log, checkpoints and signals.
#pragma once
#include <cstdint>
#include <functional>
#include <string>
#include <utility>
#include <vector>

#include "base/errors.h"
#include "base/json.h"
#include "trainers/config/config.h"

namespace swin::trainers {

struct TrainOptions {
  Config config;
  /// Run directory; empty: config.runtime.output.
  std::string output;
  /// "auto": go on from the newest checkpoint of the run directory that verifies, if there is one;
  /// "never": begin anew; else a checkpoint file to go on from.
  std::string resume = "auto";
  std::string command_line;  ///< for run.json
  bool quiet = false;        ///< errors and warnings only
  /// Called after each step, before what follows it (evaluation, saving). For tests and callers
  /// that watch; may raise a signal.
  std::function<void(int64_t step)> after_update;
};

struct TrainResult {
  int64_t steps = 0, epochs = 0;  ///< steps, and whole epochs, of the run so far
  double seconds = 0;             ///< of this call
  double images_per_second = 0;   ///< of this call's steps, evaluation and saving left out
  double data_wait_seconds = 0;   ///< of this call: the steps waited for images
  double data_wait_fraction = 0;  ///< of the steps' time
  int64_t bad_images = 0;         ///< replaced in this call (data.on_bad)
  std::string last, best;         ///< RUN/last.h5 and RUN/best.h5; empty where there is none
  /// Of the newest evaluation, in the task's order (top1, top5, loss); empty where there was none.
  std::vector<std::pair<std::string, double>> metrics;
  /// done, interrupted (SIGINT) or requeue (SIGTERM, SIGUSR1): what the process should exit with.
  base::ExitCode exit_code = base::ExitCode::done;
  bool already_finished = false;  ///< the run had ended before; nothing was done
};

/// Trains until the schedule ends or a signal stops it: SIGINT, SIGTERM and SIGUSR1 let the step
/// in hand finish, save, and return; a second one ends the process at once. The number of threads
/// is base::num_threads(), set by the caller.
/// @throws UsageError (2) where the config does not fit the data or the checkpoint it goes on from,
///   or another process works in the directory; DataError (3); WeightError (4) on an unfit resume
///   file or init.checkpoint; DiskError (5); DivergedError (7) naming step, layer and op of the
///   first number that is not finite, with the checkpoints as they were.
TrainResult train(const TrainOptions& options);

/// The JSON keys of the command line's contract.
base::Json to_json(const TrainResult& result);

}  // namespace swin::trainers
