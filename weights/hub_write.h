// The JSON files beside model.safetensors with which Hugging Face transformers and timm open a
// folder.
#pragma once
#include <string>
#include <utility>
#include <vector>

#include "weights/dialects.h"
#include "weights/preprocess.h"

namespace swin::weights {

/// File names and their texts: config.json, and for Hugging Face preprocessor_config.json, which
/// stands first. Without class names the number of classes alone is written.
/// @param model with num_classes. @param heads of a segmenter; null: a classifier.
/// @param preprocess with resize or crop_pct, interpolation, mean and std.
/// @param notes what the library does otherwise is added, one sentence each.
/// @throws base::UsageError if the library has no such model or pre-processing.
std::vector<std::pair<std::string, std::string>> hub_files(
    Dialect dialect, const ModelConfig& model, const SegmenterHeads* heads,
    const Preprocess& preprocess, const std::vector<std::string>& class_names,
    std::vector<std::string>& notes);

}  // namespace swin::weights
