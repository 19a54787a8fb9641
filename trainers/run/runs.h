// The run directories below a folder, and what their small files say: config.json, run.json and
// log.jsonl. No checkpoint is opened and nothing is written.
#pragma once
#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "base/json.h"
#include "tasks/metrics.h"

namespace swin::trainers {

/// What is known of a run. Files that are missing, damaged or of an older version leave fields
/// empty.
struct RunInfo {
  std::string name;  ///< below the folder; of the folder itself its own name
  std::filesystem::path path;

  enum class State {
    not_started,  ///< a directory without a first step
    running,      ///< a process has its lock
    finished,
    stopped,   ///< by a signal, after it was saved
    diverged,  ///< a value was not finite
    failed,    ///< by another error
    killed,    ///< it ended without a word, as run.json says
    unknown,   ///< run.json does not say how it ended, and the log does not show its end
  };
  State state = State::not_started;
  std::optional<int64_t> exit_code;
  std::string error;  ///< of a failed run

  std::string task, model;
  std::optional<int64_t> step, total_steps, epoch, total_epochs;  ///< finished ones; of the run
  std::string monitor;                                            ///< what chooses the best
  std::optional<double> best;  ///< value of the monitored metric in any evaluation
  std::optional<int64_t> best_epoch;
  tasks::Metrics metrics;                         ///< of the latest evaluation
  std::optional<double> loss, images_per_second;  ///< of the latest line of the log
  std::string started;                            ///< of the latest start, as run.json has it
  std::optional<int64_t> started_seconds;         ///< the same, since 1970
};

/// "finished", "not started", …
const char* name_of(RunInfo::State state);

enum class RunOrder {
  newest,  ///< the latest start first
  name,
  metric,  ///< by monitored metric, the best value first
};

/// What one run directory says.   @param name how it is called
RunInfo read_run(const std::filesystem::path& path, const std::string& name);

/// The runs in a folder and at most three folders deep, the folder itself included. Links are
/// followed; a run has its real name where it can be reached without one.
/// @throws UsageError if it is no folder that can be read.
std::vector<RunInfo> find_runs(const std::filesystem::path& folder, RunOrder order);

/// {name, path, state, exit_code, error, task, model, step, total_steps, epoch, total_epochs,
/// monitor, best, best_epoch, metrics, loss, images_per_second, started}; null where it is not
/// known.
base::Json to_json(const RunInfo& run);

}  // namespace swin::trainers
