// RUN/tensorboard: what a run says, for TensorBoard.
#pragma once
#include <cstdint>
#include <filesystem>
#include <optional>

#include "base/json.h"
#include "layers/scope.h"
#include "trainers/report/append_file.h"
#include "trainers/report/events.h"
#include "trainers/report/run_listener.h"

namespace swin::trainers {

/// How far a run is when it starts or goes on.
struct RunPosition {
  int64_t step = 0, epoch = 0;  ///< finished so far
  int64_t steps_per_epoch = 1;
};

/// Cuts what lies behind the position off the event files of a folder, and the part of a record
/// that a killed process left; files without anything else are removed, at step 0 all. A missing
/// folder is fine.
/// @return whether a config of this very step is kept
/// @throws DiskError
bool cut_events(const std::filesystem::path& folder, const RunPosition& position);

/// Writes a new event file each time that a run starts or goes on:
///   train/<loss>, lr, grad_norm, …          the lines of steps in log.jsonl
///   validation/<metric>, epoch/…            its lines of epochs
///   validation_<metric>/<class>             of at most 20 classes
///   validation/worst, validation/answers    the pictures of an evaluation, in a grid
///   parameters/<name>, gradients/<name>     histograms, after the last step of each epoch; the
///                                           gradients are those of the step before clipping
///   config                                  the resolved config, once
class TensorBoard : public RunListener {
 public:
  /// Cuts the folder's files (cut_events) and makes the new one. @throws DiskError.
  /// @param parameters outlive the listener
  TensorBoard(const std::filesystem::path& folder, const RunPosition& position,
              const base::Json& config, const layers::Parameters& parameters);
  /// Writes the numbers of a line that log.jsonl got about a step.
  void log_line(const base::Json& line);
  void step(const StepReport& report) override;
  void evaluated(const EpochReport& report) override;

 private:
  void write(const Event& event);
  const layers::Parameters& parameters_;
  int64_t steps_per_epoch_;
  std::optional<AppendFile> file_;
};

}  // namespace swin::trainers
