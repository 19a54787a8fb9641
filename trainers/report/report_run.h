// What the folder of a run says, for its report. Nothing is computed and no checkpoint is opened.
#pragma once
#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "base/json.h"
#include "trainers/report/charts.h"
#include "trainers/report/evaluation_report.h"
#include "trainers/run/runs.h"

namespace swin::trainers {

/// log.jsonl as lines of charts: x is a step, or the epoch of a metric.
struct RunHistory {
  std::vector<ChartLine> losses;   ///< of training, the total first
  ChartLine validation_loss;       ///< over the epochs' last steps
  std::vector<ChartLine> metrics;  ///< over epochs, without the loss; -1 is no value
  ChartLine learning_rate, gradient_norm, images_per_second;
  int64_t damaged_lines = 0;  ///< in the middle; a last line without its end is no damage
};

/// A log that is missing, torn or damaged has less.
/// @param record run.json, for the steps of an epoch; without them an evaluation lies at the step
/// that was logged before it
RunHistory read_history(const std::filesystem::path& log, const base::Json& record);

/// RUN/evaluation as it was written. A picture that cannot be read is empty.
/// @param notes gets what is wrong with an evaluation or pictures that cannot be read
std::optional<EvaluationReport> read_evaluation(const std::filesystem::path& folder,
                                                std::vector<std::string>& notes);
/// The command that writes RUN/evaluation, of last.h5 or best.h5; empty where both are missing.
std::string evaluation_command(const std::filesystem::path& run);

struct BadImage {
  std::string path, error;
};

struct ReportedRun {
  RunInfo info;
  base::Json config, record, init;  ///< config.json, run.json, init.json; null where there is none
  RunHistory history;
  std::optional<EvaluationReport> evaluation;
  std::vector<BadImage> bad_images;             ///< the first ones
  int64_t num_bad_images = 0;                   ///< lines of bad.jsonl
  std::optional<int64_t> last_step, best_step;  ///< of last.h5 and best.h5
  std::vector<std::string> notes;               ///< what is missing or damaged, and what to do
};

/// @param name how the report calls the run
/// @throws UsageError if the folder is no run.
ReportedRun read_reported_run(const std::filesystem::path& run, const std::string& name);

}  // namespace swin::trainers
