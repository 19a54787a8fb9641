// What a weight file and the files beside it say of the model besides its arrays.
#pragma once
#include "files/weight_file.h"
#include "weights/dialects.h"

namespace swin::weights {

/// Keys of a safetensors file's metadata, each with JSON as its text: a config, its `preprocess`
/// section, and a list of names.
inline constexpr char kConfigKey[] = "swin.config", kPreprocessKey[] = "swin.preprocess",
                      kClassNamesKey[] = "swin.class_names";

/// Fills config, class names, pre-processing and hub from the meta texts of a checkpoint, the
/// metadata of safetensors, and the config.json and preprocessor_config.json of a folder. Where two
/// of them differ, the folder's own files count, because other programs read only them.
/// @throws base::WeightError if a text is not what it should be, or if the number of names is not
///     that of the head's rows.
void add_descriptions(WeightFile& file, const files::RawWeights& raw);

}  // namespace swin::weights
