// Whole files of other kinds that are given as weights: they are named, never called damaged.
#pragma once
#include <optional>
#include <string>

#include "files/bytes.h"

namespace swin::files {

/// What a file is, and how its weights can be had.
struct ForeignWeights {
  std::string kind;    ///< "a TorchScript archive"
  std::string remedy;  ///< works as it is written
};

/// The kind of a file that is none of those that are read: TorchScript, torch.export, ONNX, GGUF,
/// Keras, NumPy, TensorFlow, a compressed file, … An archive tells it by the names in it. Empty
/// where the kind is not known, and for files of torch.save. Ask only about what is no safetensors
/// file, whose first bytes may be any.
/// @param where the file, for the commands in the remedy.
/// @throws base::WeightError for a zip archive with more entries than any state dict.
std::optional<ForeignWeights> foreign_weights(ByteSpan bytes, const std::string& where);

}  // namespace swin::files
