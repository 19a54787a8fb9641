// The progress of a run, and how a checkpoint stores it.
#pragma once
#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "base/json.h"
#include "files/checkpoint_file.h"
#include "layers/model.h"
#include "tasks/task.h"
#include "trainers/optim/adamw.h"

namespace swin::trainers {

/// All that a resume needs in addition to parameters and optimizer. Random numbers have no state.
struct RunState {
  int64_t step = 0;        ///< finished steps
  int64_t epoch = 0;       ///< finished epochs, evaluation included
  tasks::Metrics metrics;  ///< of the latest evaluation
  int64_t bad_images = 0;  ///< replaced so far in the current epoch
  struct Best {
    std::string monitor;
    double value = 0;
    int64_t step = 0;
  };
  std::optional<Best> best;

  /// {top1, top5, loss, best: {monitor, value, step}, bad_images}; absent ones are left out.
  base::Json metrics_json() const;
  void read_metrics(const base::Json& json);
};

/// What is the same in every checkpoint of a run.
struct RunIdentity {
  base::Json config;  ///< resolved, without runtime
  std::vector<std::string> class_names;
  base::Json fingerprint;  ///< {train, validation}
  base::Json numerics;
};

/// Equal runs give equal bytes. @throws DiskError.
void save_checkpoint(const std::filesystem::path& path, const RunState& state,
                     const RunIdentity& identity, const layers::Parameters& parameters,
                     AdamW& optimizer);

/// Restores parameters and optimizer slots. @return the state. @throws WeightError.
RunState restore_checkpoint(const files::CheckpointFile& file, layers::Parameters& parameters,
                            AdamW& optimizer);

}  // namespace swin::trainers
