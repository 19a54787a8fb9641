// The state of a run: counters, and the slabs of parameters and optimizer; how a checkpoint stores
// it.
#pragma once
#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "base/json.h"
#include "files/checkpoint_file.h"
#include "layers/scope.h"
#include "tasks/metrics.h"
#include "trainers/optim/optimizer.h"

namespace swin::trainers {

/// All that a resume needs. Random numbers have no state.
struct TrainState {
  TrainState(layers::Parameters& parameters, const Optimizer& optimizer);

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

  /// An array in the parameters' layout, stored as <name>/<parameter>.
  struct Slab {
    std::string name;  ///< "optimizer/exp_avg", …
    float* data;
  };
  layers::Parameters* model;  ///< stored as model/<parameter>
  std::vector<Slab> slabs;

  /// {<metric>: …, best: {monitor, value, step}, bad_images}; absent ones are left out.
  base::Json metrics_json() const;
  void read_metrics(const base::Json& json);
};

/// What is the same in every checkpoint of a run, unless its data sets change.
struct RunIdentity {
  base::Json config;  ///< resolved, without runtime
  std::vector<std::string> class_names;
  base::Json fingerprint;  ///< {train, validation}
  base::Json numerics;
  /// At the start of the run. It stays when images are added or removed.
  int64_t steps_per_epoch = 0;
};

/// Equal runs give equal bytes. @throws DiskError.
void save_checkpoint(const std::filesystem::path& path, const TrainState& state,
                     const RunIdentity& identity);

/// Reads counters and slabs. @throws WeightError.
void restore_checkpoint(const files::CheckpointFile& file, TrainState& state);

}  // namespace swin::trainers
