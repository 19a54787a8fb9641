// The options of the data room, as a config sets them, and the data sets that it names.
#pragma once
#include <memory>
#include <string>
#include <vector>

#include "data/dataset.h"
#include "data/transforms/augment.h"
#include "data/transforms/mixing.h"
#include "data/transforms/transform.h"
#include "trainers/config/config.h"

namespace swin::trainers {

/// The preprocessing of every image for this config's model.
data::Preprocess preprocess_of(const Config& config);
/// The augmentation of each training image, and the mixing of each batch. @throws UsageError.
data::Augment augment_of(const Config& config);
data::Mixing mixing_of(const Config& config);
/// Whether labels are rows of 0 and 1: the task has any number of classes per image.
bool has_label_rows(const Config& config);
/// How image files are decoded. @param training applies augment.scaled_decode.
data::DecodeOptions decode_of(const Config& config, bool training = false);

/// How one of the config's data sets is opened, with the model's channels. Parameters as below.
data::DatasetOptions dataset_options_of(const DatasetConfig& dataset, const Config& config,
                                        bool training = false,
                                        const std::vector<std::string>& known_names = {});
/// Opens one of the config's data sets.
/// @param training decodes as in training; such a set has images of every class.
/// @param known_names of the head that the set is measured with; empty if it has only numbers.
/// @throws DataError, UsageError.
std::unique_ptr<data::Dataset> open_dataset_of(const DatasetConfig& dataset, const Config& config,
                                               bool training = false,
                                               const std::vector<std::string>& known_names = {});

}  // namespace swin::trainers
