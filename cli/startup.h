// What the process does before any verb, and what the verbs share.
#pragma once
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/json.h"
#include "cli/arguments.h"
#include "data/dataset.h"
#include "trainers/config/config.h"

namespace swin::cli {

/// Makes a closed pipe an error of write() instead of a signal. Replaces closed standard streams,
/// so that no other file gets their descriptors.
void prepare_process();

/// Uses the instruction set that the flag names, or else the variable SWIN_ISA. Without both it
/// stays the best one.
/// @throws base::UsageError if there is no such set or the processor lacks it.
void choose_isa(const CommonArguments& arguments);

/// Sets the number of threads from the flag, or else from the config, the variable OMP_NUM_THREADS,
/// or the limits of this process (base/limits.h).
/// @throws base::UsageError if OMP_NUM_THREADS has to choose and is no number of threads.
void set_threads(const CommonArguments& arguments, const std::optional<int64_t>& of_config);

/// A config for verbs that need no data: the model section alone is enough. model.num_classes stays
/// 0 if the config leaves it to the data set.
trainers::Config load_model_config(const std::string& file, const std::vector<std::string>& sets);

/// Prints what a data set says of itself on stderr: its counts as notes, and its warnings, which
/// --quiet does not hold back.   @param name "data.train", or a path.
void tell_summary(const data::Dataset& dataset, const std::string& name,
                  const CommonArguments& arguments);
/// The same for --json: "passed_over" and "warnings".
void add_summary(const data::Dataset& dataset, base::Json& json);

/// If the config leaves model.num_classes open, sets it from the training images, or to 1000 if
/// they are not available; if they cannot be read, a line on stderr says why and what was assumed.
/// @return the training images; null: not available.
std::unique_ptr<data::Dataset> look_at_data(trainers::Config& config);

}  // namespace swin::cli
