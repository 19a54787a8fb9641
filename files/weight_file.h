// Weight files of any format as named arrays. The format is recognized by the contents, not the
// name.
#pragma once
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "files/named_array.h"
#include "files/safetensors.h"
#include "files/torch_file.h"

namespace swin::files {

/// The contents of a weight file, under the names that the file uses.
struct RawWeights {
  /// In the order of the file. Views of the mapped file if it stores them contiguously; each keeps
  /// the memory of its elements alive. Any element type, including integers.
  std::vector<NamedArray> arrays;
  /// "checkpoint", "safetensors", "safetensors index", "pth (zip)" or "pth (legacy)".
  std::string format;
  /// The key of the arrays in the dicts of a .pth file ("model"); empty if they are its top level,
  /// and for other formats.
  std::string key;
  /// What a .pth file holds besides the arrays, and was not read: "epoch", "optimizer", "config".
  std::vector<std::string> ignored;
  /// Other dicts of tensors in a .pth file.
  std::vector<TorchFile::OtherSet> other_sets;
  StringMap metadata;                      ///< `__metadata__` of safetensors (of the first shard)
  std::optional<std::string> config_json;  ///< /meta/config of a checkpoint
  std::optional<std::string> class_names_json;  ///< /meta/class_names of a checkpoint
  /// Of a .pth file of OpenMMLab (TorchFile::class_names).
  std::vector<std::string> class_names;
  /// If a folder was read: its config.json, Hugging Face's description of the model. Its path is
  /// `hub_config_where`.
  std::optional<std::string> hub_config;
  std::string hub_config_where;
  /// Likewise preprocessor_config.json, which says how images are prepared.
  std::optional<std::string> processor_config;
  std::string processor_config_where;
};

/// Reads a checkpoint (the arrays of /model, without that prefix), a safetensors file, a
/// `model.safetensors.index.json` (its shards are in the same folder), a folder holding one or a
/// `model.safetensors` (and its config.json and preprocessor_config.json), or a file of torch.save
/// (files/torch_file.h).
/// @param choice which weights to read from a .pth file or a checkpoint that holds several sets.
/// @throws base::WeightError where it is missing, damaged or none of these, or lacks the set. A
/// whole file of another kind is named (files/foreign_weights.h), never called damaged.
/// Nothing in the file is executed, and it never takes more memory than the size of the file.
RawWeights read_raw_weights(const std::filesystem::path& path, const WeightChoice& choice = {});

}  // namespace swin::files
