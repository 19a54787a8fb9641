// What inspect and convert print about a weight file.
#pragma once
#include <string>

#include "base/json.h"
#include "cli/arguments.h"
#include "layers/model_config.h"
#include "weights/dialects.h"

namespace swin::cli {

/// How a verb's flags ask a weight file to be read.
weights::ReadOptions read_options(const WeightArguments& arguments);

/// "pth (zip), torchvision's names, swin, 28,288,354 values in 173 arrays of f32".
std::string summary(const weights::WeightFile& file);
/// One line per reason: "1 key skipped: criterion.weight: beside the model under "model.""; empty
/// if none was skipped.
std::string skipped_text(const weights::WeightFile& file);
/// "Classes: ant, bee, cat and 7 more", a line; empty if the file does not name them.
std::string class_names_text(const weights::WeightFile& file);
/// "embed_dim 96, depths 2-2-6-2, heads 3-6-12-24, window 7, image 224 × 224, 1,000 classes".
std::string sizes_text(const layers::ModelConfig& config);
/// Adds format, dialect, model, kind, parameters, dtypes, skipped, notes and class_names to a JSON
/// object.
void describe(const weights::WeightFile& file, base::Json& result);

}  // namespace swin::cli
