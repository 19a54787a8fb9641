// A file on disk as read-only memory.
#pragma once
#include <cstdint>
#include <filesystem>
#include <string>
#include <utility>

#include "files/bytes.h"

namespace swin::files {

/// What a file is to the user. Decides which error (and exit code) reports its faults.
enum class FileKind {
  data,     ///< base::DataError, exit 3
  weights,  ///< base::WeightError, exit 4
};

/// Throws base::DataError or base::WeightError: one line "where: found; remedy".
[[noreturn]] void fail(FileKind kind, const std::string& where, const std::string& found,
                       const std::string& remedy = "");

/// Whether an array's name from a file can be shown and stored: one line of UTF-8, 1 … 512 bytes,
/// without control characters, which would reach a terminal.
bool is_name(std::string_view text);
inline constexpr char kNameExpected[] = "one line of 1 to 512 bytes of UTF-8";

/// A regular file mapped read-only. Files that swin writes are replaced by rename, so the bytes of
/// a map never change while it is read.
class MappedFile {
 public:
  MappedFile() = default;
  /// @throws DataError or WeightError where the file is missing, unreadable, a directory, a pipe or
  /// a device.
  MappedFile(const std::filesystem::path& path, FileKind kind);
  ~MappedFile();
  MappedFile(MappedFile&& other) noexcept { swap(other); }
  MappedFile& operator=(MappedFile&& other) noexcept {
    swap(other);
    return *this;
  }

  ByteSpan bytes() const { return bytes_; }
  int64_t size_bytes() const { return static_cast<int64_t>(bytes_.size()); }
  const std::filesystem::path& path() const { return path_; }
  /// Releases the resident pages; they are loaded from the page cache when read again.
  void release_pages() const;

 private:
  void swap(MappedFile& other) noexcept {
    std::swap(path_, other.path_);
    std::swap(bytes_, other.bytes_);
  }
  std::filesystem::path path_;
  ByteSpan bytes_;
};

}  // namespace swin::files
