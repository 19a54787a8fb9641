// What a process does before any verb, and what verbs share.
#pragma once
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "cli/arguments.h"
#include "trainers/config/config.h"

namespace swin::cli {

/// A closed pipe becomes an error of write(), not a signal; closed standard streams are replaced,
/// so that no file of ours gets their number.
void prepare_process();

/// Sets the threads: the flag, then the config, else what the process started with
/// (OMP_NUM_THREADS, the cores it may use).
void set_threads(const CommonArguments& arguments, const std::optional<int64_t>& of_config);

/// A config for verbs that need no data: the model section alone is enough. model.num_classes stays
/// 0 where the config leaves it to the data set.
trainers::Config load_model_config(const std::string& file, const std::vector<std::string>& sets);

/// Fills model.num_classes from the training images where the config leaves it open, from 1000
/// where there are none to look at. @return how many training images there are; 0: not known.
int64_t look_at_data(trainers::Config& config);

}  // namespace swin::cli
