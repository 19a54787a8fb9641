// Reads config, class names and weights from a checkpoint, and builds the model from them.
#pragma once
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "files/checkpoint_file.h"
#include "tasks/task.h"
#include "trainers/config/config.h"
#include "weights/dialects.h"

namespace swin::trainers {

/// A model as its checkpoint describes it.
struct LoadedModel {
  Config config;                         ///< runtime has its defaults
  std::vector<std::string> class_names;  ///< of the head's rows; empty if the file has none
  std::unique_ptr<tasks::Task> task;
  int64_t step = 0, epoch = 0;  ///< of the weights
};

/// Reads config, class names and weights of a checkpoint, for inference: without gradients.
/// @param sets `path.to.field=value` texts that override the stored config.
/// @throws WeightError if the file is missing or damaged, or holds other parameters than its config
///   describes; UsageError on a bad set.
LoadedModel load_model(const std::string& checkpoint, const std::vector<std::string>& sets = {});
/// The same with texts that depend on the stored config.
LoadedModel load_model(
    const std::string& checkpoint,
    const std::function<std::vector<std::string>(const Config& stored)>& sets_for);

/// A meta text of a checkpoint as JSON. @throws WeightError if it is absent or not JSON.
base::Json stored_json(const files::CheckpointFile& file, const char* name);
base::Json stored_config(const files::CheckpointFile& file);
/// Empty if the file has none.
std::vector<std::string> stored_class_names(const files::CheckpointFile& file);
/// The config stored in a weight file that has one (file.config_json).
/// @throws WeightError if it is not a valid config.
Config stored_config_of(const weights::WeightFile& file);

}  // namespace swin::trainers
