// A run: from a config to a trained model, with its directory, log, checkpoints and signals.
#pragma once
#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "base/errors.h"
#include "base/json.h"
#include "trainers/config/config.h"
#include "trainers/report/run_listener.h"

namespace swin::trainers {

struct TrainOptions {
  Config config;
  /// Run directory; empty: config.runtime.output.
  std::string output;
  /// "auto": resume from the newest intact checkpoint of the run directory, if there is one;
  /// "never": start from scratch; else a checkpoint file to resume from.
  std::string resume = "auto";
  std::string command_line;   ///< for run.json
  base::Json config_origins;  ///< {path: "x.json:12"} of what is not a default, for run.json
  bool quiet = false;         ///< shows errors and warnings only
  /// Told after the run's own listeners; they outlive the call.
  std::vector<RunListener*> listeners = {};
};

/// The run directory. @throws UsageError if nothing names one.
std::string output_of(const TrainOptions& options);

struct TrainResult {
  int64_t steps = 0, epochs = 0;      ///< finished steps and whole epochs of the run so far
  double seconds = 0;                 ///< of this call
  double images_per_second = 0;       ///< of this call's steps, without evaluation and saving
  double data_wait_seconds = 0;       ///< of this call: time that steps waited for images
  double data_wait_fraction = 0;      ///< data_wait_seconds as a fraction of the steps' time
  int64_t bad_images = 0;             ///< replaced in this call (data.on_bad)
  int64_t validation_bad_images = 0;  ///< left out of this call's latest evaluation
  std::string last, best;             ///< RUN/last.h5 and RUN/best.h5; empty if there is none
  /// Of the latest evaluation, in the task's order; empty if there was none.
  std::vector<std::pair<std::string, double>> metrics;
  base::Json data;  ///< for each set what data::summary_json says
  /// The exit code of the process: done, interrupted (SIGINT) or requeue (SIGTERM, SIGUSR1).
  base::ExitCode exit_code = base::ExitCode::done;
  bool already_finished = false;  ///< the run was complete before this call
};

/// Trains until the schedule ends or a signal stops it: after SIGINT, SIGTERM and SIGUSR1
/// the current step is finished and saved; a second one ends the process at once. The number of
/// threads is base::num_threads(), set by the caller.
/// @throws UsageError (2) if the config does not fit the data or the checkpoint to resume from, or
///   another process uses the directory; DataError (3); WeightError (4) on a bad resume file or
///   init.checkpoint; DiskError (5); DivergedError (7) naming step, layer and op of the first value
///   that is not finite, with all checkpoints unchanged.
TrainResult train(const TrainOptions& options);

/// With the JSON keys that `swin train --json` promises.
base::Json to_json(const TrainResult& result);

}  // namespace swin::trainers
