// The initial weights of a run: those of init.checkpoint, adapted to the config's model.
#pragma once
#include <optional>

#include "base/json.h"
#include "tasks/task.h"
#include "trainers/config/config.h"
#include "trainers/report/run_listener.h"
#include "trainers/run/run_directory.h"
#include "weights/adapt.h"

namespace swin::trainers {

/// A weight file. It is read before the model is made, because a Swin V2 must know the windows its
/// weights were trained with.
class InitialWeights {
 public:
  /// Reads config.init.checkpoint, and fills in model.pretrained_window_sizes if the config leaves
  /// it open.
  /// @param class_names of data.train: rows of the head go by name.
  /// @throws WeightError on a bad file; UsageError on a bad class_index_file.
  InitialWeights(Config& config, const std::vector<std::string>& class_names,
                 RunListener& listener);
  /// Fills the model and reports what was done to each tensor.
  /// @throws WeightError if the file does not fit the model.
  weights::AdaptReport adapt(tasks::Task& task, RunListener& listener) const;
  /// The same; and writes RUN/init.json.
  void load(tasks::Task& task, const RunDirectory& directory, RunListener& listener) const;

 private:
  const InitConfig init_;
  weights::WeightFile file_;
  std::optional<layers::ModelConfig> source_;
  weights::AdaptOptions options_;
};

/// The lines of a class index file. @throws UsageError if it is missing or empty, or a line is no
/// integer of at least 0.
std::vector<int64_t> read_class_index(const std::string& path);

/// {file, format, dialect, counts: {loaded, …}, notes, tensors: [{name, action, detail}]}.
base::Json to_json(const weights::AdaptReport& report, const weights::WeightFile& file);

}  // namespace swin::trainers
