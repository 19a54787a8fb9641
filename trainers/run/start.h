// What a run starts from: its data sets, and a checkpoint or initial weights. Nothing is written:
// train() begins with it, and plan_train() describes it.
#pragma once
#include <memory>
#include <optional>
#include <string>

#include "base/json.h"
#include "files/checkpoint_file.h"
#include "trainers/config/config.h"
#include "trainers/report/run_listener.h"
#include "trainers/run/classes.h"
#include "trainers/run/file_lists.h"
#include "trainers/run/initialize.h"
#include "trainers/run/resume.h"
#include "trainers/run/run_directory.h"
#include "trainers/run/train_state.h"

namespace swin::trainers {

/// The data sets of a run.
struct OpenedData {
  std::unique_ptr<data::Dataset> train;
  MeasuredSet validation;  ///< without images: nothing is evaluated

  RunData sets() const { return {*train, validation.images.get()}; }
};

struct RunStart {
  Config config;  ///< with model.num_classes, and model.pretrained_window_sizes of the weights
  OpenedData data;
  std::optional<files::CheckpointFile> checkpoint;  ///< that is resumed
  Continuation continuation;                        ///< of the checkpoint
  std::optional<InitialWeights> initial;            ///< of a new run with init.checkpoint
  RunIdentity identity;
};

/// @param resume as in TrainOptions.
/// @throws UsageError, DataError and WeightError as train() does.
RunStart prepare_start(const Config& config, const std::string& resume,
                       const RunDirectory& directory, RunListener& listener);

/// Says what each set holds and passed over, and how its classes were matched.
void describe(const OpenedData& data, RunListener& listener);

/// For `--json`: {"train": {images, classes, passed_over, …}, "validation": …}.
base::Json data_json(const RunData& data);

}  // namespace swin::trainers
