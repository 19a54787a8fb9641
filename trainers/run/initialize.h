// What a run begins with: the weights of init.checkpoint, adapted to the config's model.
#pragma once
#include <optional>

#include "base/json.h"
#include "layers/model.h"
#include "trainers/config/config.h"
#include "trainers/report/progress.h"
#include "trainers/run/run_directory.h"
#include "weights/adapt.h"

namespace swin::trainers {

/// A weight file, read before the model is made: Swin V2 is built around the windows its weights
/// were trained with.
class InitialWeights {
 public:
  /// Reads config.init.checkpoint, and completes model.pretrained_window_sizes where the config
  /// leaves it open.
  /// @throws WeightError on an unfit file; UsageError on an unfit class_index_file.
  InitialWeights(Config& config, Progress& progress);
  /// Loads the model, says what was done, and writes RUN/init.json.
  /// @throws WeightError where file and model do not fit.
  void load(layers::Model& model, const RunDirectory& directory, Progress& progress) const;

 private:
  const InitConfig init_;
  weights::WeightFile file_;
  std::optional<layers::ModelConfig> source_;
  weights::AdaptOptions options_;
};

/// The lines of a class index file. @throws UsageError where it is missing, empty or a line is no
/// whole number from 0 on.
std::vector<int64_t> read_class_index(const std::string& path);

/// {file, format, dialect, counts: {loaded, …}, notes, tensors: [{name, action, detail}]}.
base::Json to_json(const weights::AdaptReport& report, const weights::WeightFile& file);

}  // namespace swin::trainers
