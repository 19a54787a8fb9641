#include "files/foreign_weights.h"

#include <algorithm>
#include <cstring>
#include <filesystem>
#include <vector>

#include "base/text.h"
#include "files/archive_file.h"
#include "files/hdf5_signature.h"

namespace swin::files {
namespace {

constexpr char kOtherWeights[] = "give the model's weights as .safetensors or .pth";
constexpr size_t kTarMagicAt = 257;
constexpr size_t kMaxShownPath = 60;  // a line of an error stays short

/// A path as the commands in a remedy name it.
std::string shown(const std::string& where) {
  if (where.size() <= kMaxShownPath) return base::printable(where);
  return base::printable(std::filesystem::path(where).filename().string());
}

std::string saved_as_pth(const std::string& expression) {
  return "in Python: torch.save(" + expression + ", \"weights.pth\"), and give that file";
}

std::string unpacked_by(const std::string& program, const std::string& where) {
  return "unpack it: " + program + " -dc " + shown(where) + " > weights, and give that file";
}

bool has_at(ByteSpan bytes, size_t at, std::string_view magic) {
  return bytes.size() >= at && text_of(bytes).substr(at).starts_with(magic);
}

/// A protocol buffer of ONNX: ir_version (at least 3), then another of the model's fields.
bool is_onnx(ByteSpan bytes) {
  constexpr uint8_t kIrVersion = 0x08, kMinVersion = 3, kMaxVersion = 64;
  constexpr std::string_view kNextFields = "\x12\x1a\x22\x2a\x32\x3a\x42";
  const auto byte = [&](size_t i) { return static_cast<uint8_t>(bytes[i]); };
  return bytes.size() > 4 && byte(0) == kIrVersion && byte(1) >= kMinVersion &&
         byte(1) <= kMaxVersion &&
         kNextFields.find(static_cast<char>(byte(2))) != std::string_view::npos;
}

/// A map of MessagePack whose first key is text: how Flax writes weights.
bool is_msgpack(ByteSpan bytes) {
  if (bytes.size() < 8) return false;
  const auto byte = [&](size_t i) { return static_cast<uint8_t>(bytes[i]); };
  const size_t key = byte(0) == 0xde ? 3 : byte(0) >= 0x81 && byte(0) <= 0x8f ? 1 : 0;
  return key > 0 && byte(key) >= 0xa1 && byte(key) <= 0xbf && byte(key + 1) >= 0x20 &&
         byte(key + 1) < 0x7f;
}

/// An HDF5 file that swin did not write. Keras names its attributes in the first pages.
ForeignWeights hdf5(ByteSpan bytes) {
  constexpr size_t kSearched = 1 << 20;
  const std::string_view head = text_of(bytes).substr(0, kSearched);
  for (const char* sign : {"keras_version", "layer_names", "model_weights", "_layer_checkpoint"})
    if (head.find(sign) != std::string_view::npos) return {"Keras weights (HDF5)", kOtherWeights};
  return {"an HDF5 file that swin did not write",
          "give a checkpoint of swin, or the weights as .safetensors or .pth"};
}

/// A zip archive, by the names in it.
std::optional<ForeignWeights> foreign_zip(const std::vector<std::string>& names,
                                          const std::string& where) {
  using Foreign = ForeignWeights;
  const auto ends = [&](std::string_view part) {
    return std::any_of(names.begin(), names.end(),
                       [&](const std::string& name) { return name.ends_with(part); });
  };
  const auto has = [&](std::string_view part) {
    return std::any_of(names.begin(), names.end(), [&](const std::string& name) {
      return name.find(part) != std::string::npos;
    });
  };
  const std::string file = "\"" + shown(where) + "\"";
  if (ends("/constants.pkl") || has("/code/__torch__"))
    return Foreign{"a TorchScript archive, as torch.jit.save writes it",
                   saved_as_pth("torch.jit.load(" + file + ").state_dict()")};
  if (ends("/models/model.json") || ends("serialized_exported_program.json"))
    return Foreign{"a program of torch.export",
                   saved_as_pth("dict(torch.export.load(" + file + ").state_dict)")};
  if (has("/.data/extern_modules"))
    return Foreign{"an archive of torch.package",
                   "load its model in Python, save model.state_dict() with torch.save and give "
                   "that file"};
  if (names.empty() || ends("/data.pkl")) return std::nullopt;
  if (ends(".npy"))
    return Foreign{
        "an archive of NumPy arrays (.npz)",
        saved_as_pth("{k: torch.as_tensor(v) for k, v in numpy.load(" + file + ").items()}")};
  if (ends("model.weights.h5")) return Foreign{"a Keras model", kOtherWeights};
  for (const char* weights : {".safetensors", ".pth", ".pt", ".ckpt", ".bin", ".h5"})
    for (const std::string& name : names)
      if (name.ends_with(weights))
        return Foreign{"a zip archive that holds " + base::printable(name),
                       "unpack it (unzip " + shown(where) + "), and give that file"};
  std::vector<std::string> shown_names;
  for (const std::string& name : names) shown_names.push_back(base::printable(name));
  return Foreign{"a zip archive without data.pkl, of " + base::listing(shown_names),
                 "give a .pth file that torch.save wrote"};
}

}  // namespace

std::optional<ForeignWeights> foreign_weights(ByteSpan bytes, const std::string& where) {
  using Foreign = ForeignWeights;
  const auto has = [&](std::string_view magic) { return text_of(bytes).starts_with(magic); };
  if (has("PK\x03\x04") || has("PK\x05\x06")) return foreign_zip(zip_names(bytes, where), where);
  if (has(kHdf5Signature)) return hdf5(bytes);
  if (has("\x1f\x8b")) return Foreign{"a file packed with gzip", unpacked_by("gzip", where)};
  if (has("BZh")) return Foreign{"a file packed with bzip2", unpacked_by("bzip2", where)};
  if (has(std::string_view("\xfd\x37zXZ\0", 6)))
    return Foreign{"a file packed with xz", unpacked_by("xz", where)};
  if (has("\x28\xb5\x2f\xfd"))
    return Foreign{"a file packed with Zstandard", unpacked_by("zstd", where)};
  if (has("7z\xbc\xaf\x27\x1c"))
    return Foreign{"a 7z archive", "unpack it, and give the file in it"};
  if (has("Rar!")) return Foreign{"a RAR archive", "unpack it, and give the file in it"};
  if (has_at(bytes, kTarMagicAt, "ustar"))
    return Foreign{
        text_of(bytes).starts_with("sys_info") ? "a file of PyTorch before 0.1.10 (tar)"
                                               : "a tar archive",
        text_of(bytes).starts_with("sys_info")
            ? saved_as_pth("torch.load(\"" + shown(where) + "\", weights_only=False)")
            : "unpack it (tar -xf " + shown(where) + "), and give the weight file in it"};
  if (has("GGUF"))
    return Foreign{"a GGUF file", "give the .safetensors or .pth file that it was made from"};
  if (has("\x93NUMPY"))
    return Foreign{"one NumPy array (.npy)", "give a state dict: all the model's arrays by name"};
  if (has_at(bytes, 4, "TFL3")) return Foreign{"a TensorFlow Lite model", kOtherWeights};
  if (has_at(bytes, 4, "ET1")) return Foreign{"an ExecuTorch program", kOtherWeights};
  // The end of a table of LevelDB: NAME.index of a checkpoint, or a .ckpt of TensorFlow 0.
  constexpr std::string_view kTable = "\x57\xfb\x80\x8b\x24\x75\x47\xdb";
  const bool is_tensorflow = text_of(bytes).ends_with(kTable) ||
                             where.find(".data-0") != std::string::npos ||
                             has(std::string_view("\x08\x01\x12", 3));
  if (is_tensorflow) return Foreign{"a TensorFlow checkpoint or model", kOtherWeights};
  if (is_onnx(bytes))
    return Foreign{"an ONNX model", "give the .safetensors or .pth file that it was exported from"};
  if (is_msgpack(bytes)) return Foreign{"MessagePack, as Flax writes weights", kOtherWeights};
  for (const char* start : {"(dp", "(lp", "(i", "ccopy_reg\n", "ccollections\n", "cnumpy"})
    if (has(start))
      return Foreign{"a pickle of protocol 0, which torch.save never writes",
                     "load it in Python and save its arrays as a dict of tensors with torch.save"};
  if (has("MATLAB 5.0"))
    return Foreign{"a MATLAB file", "save its arrays as a dict of tensors with torch.save"};
  if (has("<?xml") && text_of(bytes).substr(0, 200).find("<net") != std::string_view::npos)
    return Foreign{"an OpenVINO model", kOtherWeights};
  if (has("\x89PNG") || has("\xff\xd8\xff")) return Foreign{"an image", kOtherWeights};
  if (has("%PDF")) return Foreign{"a PDF document", kOtherWeights};
  return std::nullopt;
}

}  // namespace swin::files
