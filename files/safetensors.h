// safetensors files: a JSON header and the bytes of named tensors.
// Source: the format's README and its reference implementation's rules (huggingface/safetensors).
#pragma once
#include <filesystem>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "files/named_array.h"

namespace swin::files {

using StringMap = std::vector<std::pair<std::string, std::string>>;

/// A safetensors file, memory-mapped. All of it but the values is checked when it is opened: a
/// header of at most 100,000,000 bytes that starts with '{', known types, dims ≥ 0 without
/// overflow, sizes that fit their offsets, and offsets without hole or overlap up to the end of the
/// file.
class SafetensorsFile {
 public:
  /// @throws base::WeightError naming the file, what was found and what was expected.
  explicit SafetensorsFile(const std::filesystem::path& path);
  /// The same for a file in memory.   @param owner what keeps `bytes` alive, held by each array.
  SafetensorsFile(ByteSpan bytes, std::string where, std::shared_ptr<const void> owner = nullptr);
  // No copies: by_name_ points into arrays_.
  SafetensorsFile(SafetensorsFile&&) noexcept = default;
  SafetensorsFile& operator=(SafetensorsFile&&) noexcept = default;

  /// In the order of their bytes. They are views of the map; each keeps the map alive.
  const std::vector<NamedArray>& arrays() const { return arrays_; }
  const NamedArray* find(std::string_view name) const;  ///< null where absent
  const NamedArray& at(std::string_view name) const;    ///< @throws base::WeightError where absent
  /// Entries of `__metadata__`, in file order.
  const StringMap& metadata() const { return metadata_; }
  const std::string& where() const { return where_; }

 private:
  std::string where_;
  std::vector<NamedArray> arrays_;
  // Into arrays_, whose memory moves with this.
  std::map<std::string_view, const NamedArray*> by_name_;
  StringMap metadata_;
};

/// Writes arrays as a safetensors file, atomically: larger types first, then by name, as the
/// reference writer does. `__metadata__.format` is "pt" unless given. Nothing is copied.
/// @throws base::DiskError; base::InternalError where a name occurs twice or bytes do not fit the
/// shape.
void write_safetensors(const std::filesystem::path& path, std::vector<NamedArray> arrays,
                       const StringMap& metadata = {});

}  // namespace swin::files
