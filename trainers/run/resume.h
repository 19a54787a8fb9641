// Resuming a run: which checkpoint, whether it belongs to this run, and what it restores.
#pragma once
#include <optional>
#include <string>
#include <vector>

#include "files/checkpoint_file.h"
#include "trainers/config/config.h"
#include "trainers/report/run_listener.h"
#include "trainers/run/file_lists.h"
#include "trainers/run/run_directory.h"
#include "trainers/run/train_state.h"

namespace swin::trainers {

/// @param resume "auto": the newest intact checkpoint of the directory; "never": none; else a file.
/// @return empty for a new run. @throws WeightError if the named file is missing or damaged.
std::optional<files::CheckpointFile> checkpoint_to_resume(const std::string& resume,
                                                          const RunDirectory& directory,
                                                          RunListener& listener);

/// A new run takes model.pretrained_window_sizes from its initial weights; a resumed run takes them
/// from its checkpoint, because it does not read that file again.
void keep_pretrained_windows(const files::CheckpointFile& file, Config& config);

/// How a run goes on from a checkpoint.
struct Continuation {
  int64_t steps_per_epoch = 0;  ///< of the start of the run
  bool validation_changed = false;
  std::vector<std::string> warnings;  ///< a line each: data sets that changed, other numerics
};

/// Compares a checkpoint with the run that is started: its content, never its paths. Data sets of
/// the same classes may have changed.
/// @param batch_size of the run.
/// @throws UsageError if the checkpoint is of another config, DataError if it is of other classes.
Continuation check_identity(const files::CheckpointFile& file, const RunIdentity& now,
                            const RunData& data, const RunDirectory& directory, int64_t batch_size);

/// Makes best.h5 agree with the state, which may have been restored from an older checkpoint.
void restore_best(const RunDirectory& directory, const CheckpointConfig& checkpoint,
                  TrainState& state);

}  // namespace swin::trainers
