// What inspect and convert say of a weight file.
#pragma once
#include <string>

#include "base/json.h"
#include "layers/weights/dialects.h"
#include "trainers/config/config.h"

namespace swin::cli {

/// "pth (zip), torchvision's names, swin, 28,288,354 numbers in 173 arrays of f32".
std::string summary(const layers::WeightFile& file);
/// A line a reason: "12 keys skipped: derived from the sizes"; empty where none was.
std::string skipped_text(const layers::WeightFile& file);
/// "embed_dim 96, depths 2-2-6-2, heads 3-6-12-24, window 7, image 224 × 224, 1,000 classes".
std::string sizes_text(const layers::ModelConfig& config);
/// format, dialect, model, kind, parameters, dtypes, skipped, notes.
void describe(const layers::WeightFile& file, base::Json& result);

/// The config a checkpoint holds. @throws base::WeightError where it is none.
trainers::Config stored_config_of(const layers::WeightFile& file);

}  // namespace swin::cli
