// Any file of weights as named arrays, recognized by what is in it and not by its name.
#pragma once
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "files/named_array.h"
#include "files/safetensors.h"
#include "files/torch_file.h"

namespace swin::files {

/// What a weight file holds, under the names that the file itself uses.
struct RawWeights {
  /// Sorted as in the file. Views of the mapped file wherever it stores them contiguously; each
  /// keeps alive what it views. Any element type, also integers.
  std::vector<NamedArray> arrays;
  /// "checkpoint", "safetensors", "safetensors index", "pth (zip)" or "pth (legacy)".
  std::string format;
  /// The key of a .pth file's dict under which the arrays were found ("model"); empty where they
  /// are its top level, and in other formats.
  std::string key;
  /// What a .pth file holds beside the arrays, and was not read: "epoch", "optimizer", "config".
  std::vector<std::string> ignored;
  /// Other dicts of tensors in a .pth file.
  std::vector<TorchFile::OtherSet> other_sets;
  StringMap metadata;                      ///< `__metadata__` of safetensors (of the first shard)
  std::optional<std::string> config_json;  ///< /meta/config of a checkpoint
  /// config.json beside the weights, where a folder was read: Hugging Face's description of the
  /// model. Its path is `hub_config_where`.
  std::optional<std::string> hub_config;
  std::string hub_config_where;
};

/// Reads a checkpoint (the arrays of /model, without that prefix), a safetensors file, a
/// `model.safetensors.index.json` (its shards lie in the same folder), a folder holding one or a
/// `model.safetensors` (and its config.json), or a file of torch.save (files/torch_file.h).
/// @param set of a .pth file or a checkpoint, where they hold two.
/// @throws base::WeightError where it is missing, damaged or nothing of these, or lacks the set.
/// Nothing in the file is executed, and memory beyond the file's size is never taken.
RawWeights read_raw_weights(const std::filesystem::path& path, WeightSet set = WeightSet::trained);

}  // namespace swin::files
