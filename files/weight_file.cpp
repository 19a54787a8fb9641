#include "files/weight_file.h"

#include <cstring>
#include <map>
#include <memory>
#include <set>
#include <string_view>

#include "base/errors.h"
#include "base/json.h"
#include "base/text.h"
#include "files/checkpoint_file.h"
#include "files/foreign_weights.h"
#include "files/mapped_file.h"

namespace swin::files {
namespace {

namespace fs = std::filesystem;

constexpr std::string_view kModelGroup = "model/", kAveragedGroup = "ema/";
constexpr std::string_view kSafetensors = ".safetensors";
constexpr size_t kMaxIndexBytes = 16'000'000;

[[noreturn]] void refuse_average(const std::string& where) {
  throw base::WeightError(where, "found one set of weights, expected an average in addition",
                          "leave --ema out");
}

/// The parameters of a checkpoint, without its optimizer.
RawWeights read_checkpoint(const fs::path& path, WeightSet set) {
  const std::string_view group = set == WeightSet::trained ? kModelGroup : kAveragedGroup;
  const CheckpointFile checkpoint(path);
  RawWeights weights;
  weights.format = "checkpoint";
  for (const auto& entry : checkpoint.entries()) {
    if (!entry.name.starts_with(group)) continue;
    weights.arrays.push_back(checkpoint.read(entry.name));
    weights.arrays.back().name.erase(0, group.size());
  }
  if (set == WeightSet::averaged && weights.arrays.empty()) refuse_average(path.string());
  weights.config_json = checkpoint.find_meta("config");
  weights.class_names_json = checkpoint.find_meta("class_names");
  return weights;
}

/// A state dict in several safetensors files, as Hugging Face shards it: the "weight_map" of a JSON
/// object maps each tensor to a file of the same folder.
class IndexReader {
 public:
  IndexReader(const fs::path& path, std::string_view text)
      : path_(path), where_(path.string()), text_(text) {}

  RawWeights read() {
    RawWeights weights;
    weights.format = "safetensors index";
    const std::map<std::string, std::set<std::string>> shards = names_by_shard();
    for (const auto& [shard, names] : shards) {
      const fs::path shard_path = path_.parent_path() / shard;
      const SafetensorsFile file(shard_path);
      if (weights.metadata.empty()) weights.metadata = file.metadata();
      for (const NamedArray& array : file.arrays()) {
        if (!names.contains(array.name))
          refuse(shard + " holds " + base::printable(array.name) +
                 ", which the index assigns to another file");
        weights.arrays.push_back(array);
      }
      for (const std::string& name : names)
        if (file.find(name) == nullptr)
          refuse("assigns " + base::printable(name) + " to " + shard + ", which does not hold it");
    }
    return weights;
  }

 private:
  [[noreturn]] void refuse(const std::string& found) const {
    throw base::WeightError(where_, found,
                            "get the index and its shards again, they do not fit together");
  }

  std::map<std::string, std::set<std::string>> names_by_shard() const {
    base::Json index;
    try {
      index = base::parse_json(text_, where_, {.max_bytes = kMaxIndexBytes, .max_depth = 8});
    } catch (const base::JsonSyntaxError& error) {
      throw base::WeightError(where_ + ":" + std::to_string(error.position.line), error.what,
                              "give a model.safetensors.index.json or a weight file");
    }
    const base::Json* map = index.find("weight_map");
    if (map == nullptr || !map->is_object() || map->size() == 0)
      throw base::WeightError(where_,
                              "found JSON without a weight_map, expected an index of shards",
                              "give a model.safetensors.index.json or a weight file");
    std::map<std::string, std::set<std::string>> shards;
    for (const auto& [name, shard] : map->members()) {
      if (!shard.is_string())
        refuse("weight_map." + base::printable(name) + " is of type " + shard.type_name() +
               ", expected the name of a file");
      const std::string& file = shard.as_string();
      if (file.ends_with(".bin"))  // pytorch_model.bin.index.json
        throw base::WeightError(
            where_,
            "found an index of pickled shards (" + base::printable(file) +
                "), expected one of .safetensors files",
            "save the model as .safetensors (transformers: save_pretrained with "
            "safe_serialization=True), or its state dict in one file");
      const bool is_plain = file.find_first_of(std::string_view("/\\\0", 3)) == std::string::npos &&
                            !file.starts_with('.');
      if (!file.ends_with(kSafetensors) || !is_plain)
        refuse("weight_map." + base::printable(name) + " is in \"" + base::printable(file) +
               "\", expected a .safetensors file of the same folder");
      shards[file].insert(name);
    }
    return shards;
  }

  fs::path path_;
  std::string where_;
  std::string_view text_;
};

RawWeights of_safetensors(const SafetensorsFile& file) {
  RawWeights weights;
  weights.format = "safetensors";
  weights.arrays = file.arrays();
  weights.metadata = file.metadata();
  return weights;
}

RawWeights of_torch(const TorchFile& file) {
  RawWeights weights;
  weights.format = file.form() == TorchFile::Form::zip ? "pth (zip)" : "pth (legacy)";
  weights.arrays = file.arrays();
  weights.key = file.key();
  weights.ignored = file.ignored();
  weights.other_sets = file.other_sets();
  weights.class_names = file.class_names();
  return weights;
}

/// The weights in a folder as Hugging Face lays it out.
fs::path file_in(const fs::path& folder) {
  for (const char* name :
       {"model.safetensors", "model.safetensors.index.json", "pytorch_model.bin",
        "pytorch_model.bin.index.json"}) {  // an error explains why the last one is not read
    std::error_code error;
    if (fs::exists(folder / name, error)) return folder / name;
  }
  if (std::error_code error; fs::exists(folder / ".metadata", error))
    throw base::WeightError(
        folder.string(),
        "found a checkpoint of torch.distributed.checkpoint, expected one file of weights",
        "make one of it: python3 -m torch.distributed.checkpoint.format_utils dcp_to_torch " +
            folder.string() + " weights.pth");
  if (std::error_code error; fs::exists(folder / "saved_model.pb", error))
    throw base::WeightError(folder.string(),
                            "found a SavedModel of TensorFlow, expected a weight file",
                            "give the model's weights as .safetensors or .pth");
  throw base::WeightError(folder.string(),
                          "found a folder without model.safetensors, "
                          "model.safetensors.index.json or pytorch_model.bin",
                          "give the weight file itself");
}

/// JSON after a length of eight bytes, of which the upper four are zero in any such file.
bool is_safetensors(ByteSpan bytes) {
  constexpr size_t kLengthBytes = 8;
  uint64_t length = 0;
  if (bytes.size() <= kLengthBytes || bytes[kLengthBytes] != std::byte{'{'}) return false;
  std::memcpy(&length, bytes.data(), kLengthBytes);
  return length >> 32 == 0;
}

/// What a file without weights seems to be, and what helps.
ForeignWeights kind_of(ByteSpan bytes, const std::string& where) {
  if (bytes.empty()) return {"an empty file", "get the file again"};
  if (text_of(bytes).starts_with("version https://git-lfs"))
    return {"a Git LFS pointer (the weights were not fetched: git lfs pull)", "get the file again"};
  if (auto foreign = foreign_weights(bytes, where)) return *foreign;
  if (text_of(bytes).starts_with("<")) return {"a web page", "get the file again"};
  return {"other bytes", "give a file of one of these kinds"};
}

RawWeights read_file(const fs::path& path, const WeightChoice& choice) {
  const auto file = std::make_shared<MappedFile>(path, FileKind::weights);
  const ByteSpan bytes = file->bytes();
  const std::string where = path.string();
  if (is_torch_file(bytes)) return of_torch(TorchFile(bytes, where, file, choice));
  const bool checkpoint = is_checkpoint(bytes), safetensors = is_safetensors(bytes);
  const bool index = text_of(bytes).starts_with("{");
  if (!choice.key.empty() && (checkpoint || safetensors || index))
    throw base::WeightError(where, "found a format without dicts in dicts, expected no --key",
                            "leave --key (init.key) out");
  if (checkpoint) return read_checkpoint(path, choice.set);
  if (choice.set == WeightSet::averaged && (safetensors || index)) refuse_average(where);
  if (safetensors) return of_safetensors(SafetensorsFile(bytes, where, file));
  if (index) return IndexReader(path, text_of(bytes)).read();
  if (text_of(bytes).starts_with("\x80"))
    return of_torch(TorchFile(bytes, where, file));  // its error says why not
  const ForeignWeights kind = kind_of(bytes, where);
  // For damaged files the errors of the format's reader say more.
  if (kind.kind == "other bytes" && path.extension() == kSafetensors)
    return of_safetensors(SafetensorsFile(bytes, where, file));
  throw base::WeightError(where,
                          "found " + kind.kind +
                              ", expected a checkpoint (.h5), .safetensors, "
                              "an index of shards or a .pth file",
                          kind.remedy);
}

}  // namespace

RawWeights read_raw_weights(const fs::path& path, const WeightChoice& choice) {
  std::error_code error;
  if (!fs::is_directory(path, error)) return read_file(path, choice);
  RawWeights weights = read_file(file_in(path), choice);
  const auto read = [&](const char* name, std::optional<std::string>& text, std::string& where) {
    const fs::path json = path / name;
    if (!fs::exists(json, error)) return;
    const MappedFile file(json, FileKind::weights);
    text = text_of(file.bytes()).substr(0, kMaxIndexBytes);
    where = json.string();
  };
  read("config.json", weights.hub_config, weights.hub_config_where);
  read("preprocessor_config.json", weights.processor_config, weights.processor_config_where);
  return weights;
}

}  // namespace swin::files
