// Opens the data sets that a config names.
#pragma once
#include <memory>

#include "data/dataset.h"
#include "trainers/config/config.h"

namespace swin::trainers {

/// Opens one of the config's data sets, with the model's channels. @throws DataError, UsageError.
std::unique_ptr<data::Dataset> open_dataset_of(const DatasetConfig& dataset, const Config& config,
                                               bool training = false);

}  // namespace swin::trainers
