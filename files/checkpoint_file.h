// The checkpoint: one self-verifying HDF5 file (docs/checkpoint_format.md).
#pragma once
#include <cstdint>
#include <filesystem>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "files/hdf5_file.h"
#include "files/named_array.h"

namespace swin::files {

inline constexpr int64_t kCheckpointUserblockBytes = 4096;
inline constexpr uint32_t kCheckpointFormatVersion = 1;

/// What a checkpoint holds. While writing, arrays are views of the caller's memory.
struct CheckpointContents {
  int64_t step = 0, epoch = 0;
  /// float32, named "model/<parameter>", "ema/<parameter>", "optimizer/<slot>/<parameter>".
  std::vector<NamedArray> arrays;
  /// name → JSON text: config, class_names, metrics, dataset_fingerprint, numerics.
  std::vector<std::pair<std::string, std::string>> meta;
};

/// Writes a checkpoint, atomically. Equal contents give equal bytes. Takes about 1 KB of memory
/// per array and copies no array: one pass of SHA-256 (over 1 GB/s) and one of writing.
/// @throws base::DiskError, the old file then being intact; base::InternalError on impossible
/// contents.
void write_checkpoint(const std::filesystem::path& path, const CheckpointContents& contents);
/// The bytes that write_checkpoint would write, in memory.
std::vector<std::byte> checkpoint_bytes(const CheckpointContents& contents);

/// A checkpoint, open for reading. Opening reads the whole file once and compares its digest before
/// libhdf5 reads any of it; the file is mapped, so this takes little memory.
class CheckpointFile {
 public:
  using Entry = Hdf5Reader::Entry;

  /// @throws base::WeightError where the file is missing, not a checkpoint, truncated, damaged or
  /// of another version.
  explicit CheckpointFile(const std::filesystem::path& path);
  /// The same for a file in memory, which must outlive this.
  CheckpointFile(ByteSpan bytes, std::string where);

  int64_t step() const { return step_; }
  int64_t epoch() const { return epoch_; }
  /// Empty for a file in memory.
  const std::filesystem::path& path() const { return file_.path(); }
  int64_t size_bytes() const { return size_bytes_; }  ///< of the file
  /// Of the HDF5 part, 64 hexadecimal digits.
  const std::string& sha256() const { return sha256_; }
  /// The arrays (not the meta texts), sorted by name: "model/layers.0.…".
  const std::vector<Entry>& entries() const { return entries_; }
  bool contains(std::string_view name) const { return find(name) != nullptr; }
  /// @throws base::WeightError where there is no such array.
  const std::vector<int64_t>& shape_of(std::string_view name) const { return at(name).shape; }
  /// Copies an array. @throws base::WeightError where it is absent or has another number of
  /// elements.
  void read_float32(std::string_view name, std::span<float> values) const;
  /// A copy of an array.
  NamedArray read(std::string_view name) const;
  /// JSON text of /meta/<name>; empty optional where the file has none.
  std::optional<std::string> find_meta(std::string_view name) const;
  std::string meta(std::string_view name) const;  ///< @throws base::WeightError where absent
  std::vector<std::string> meta_names() const;

 private:
  void open(ByteSpan bytes);
  [[noreturn]] void refuse(const std::string& found) const;
  const Entry* find(std::string_view name) const;
  const Entry& at(std::string_view name) const;

  MappedFile file_;  // empty for a file in memory
  std::string where_, sha256_;
  std::optional<Hdf5Reader> reader_;  // reads the map: must end before it
  std::vector<Entry> entries_;        // without meta/
  int64_t size_bytes_ = 0, step_ = 0, epoch_ = 0;
  mutable size_t resident_bytes_ = 0;
};

/// Checks the userblock and the digest, without libhdf5.
/// @throws base::WeightError as CheckpointFile does.
void verify_checkpoint(const std::filesystem::path& path);
void verify_checkpoint(ByteSpan bytes, const std::string& where);

/// Whether the file starts as a checkpoint does; false for a missing file. Only a few bytes are
/// read.
bool is_checkpoint(const std::filesystem::path& path);
bool is_checkpoint(ByteSpan bytes);

}  // namespace swin::files
