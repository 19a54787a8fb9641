// Files that are replaced completely or not at all, even if the process dies or the disk is full.
#pragma once
#include <filesystem>
#include <memory>
#include <span>
#include <string_view>

#include "files/bytes.h"

namespace swin::files {

/// Writes `spans`, one after the other, as the file `path`: temporary file `.<name>.tmp.<pid>` in
/// the same directory → write → fsync → rename → fsync of the directory. A reader sees the old file
/// or the new one, never a part. A symbolic link at `path` is itself replaced. Threads of one
/// process may write different files at the same time, but not the same file.
/// @throws base::DiskError on every failing call (full or read-only disk, no permission, missing
/// directory, file size limit, a directory or device at `path`); the old file is untouched and the
/// temporary file removed. If only the fsync of the directory fails, the new file is in place.
void write_file_atomically(const std::filesystem::path& path, std::span<const ByteSpan> spans);
void write_file_atomically(const std::filesystem::path& path, std::string_view text);

/// The same, of a file that is written piece by piece.
class AtomicFile {
 public:
  /// Makes the temporary file.
  explicit AtomicFile(const std::filesystem::path& path);
  /// Removes it, unless it was put into place.
  ~AtomicFile();
  AtomicFile(const AtomicFile&) = delete;
  AtomicFile& operator=(const AtomicFile&) = delete;
  void append(ByteSpan bytes);
  void append(std::string_view text) { append(bytes_of(text)); }
  /// The last call.
  void put_into_place();

 private:
  struct Implementation;
  std::unique_ptr<Implementation> implementation_;
};

/// Throws the DiskError of a failed system call.   @param action "write"   @param error its errno
[[noreturn]] void fail_on_disk(const std::filesystem::path& path, const char* action, int error);

/// Does what write_file_atomically does first, for errors before long work: makes the temporary
/// file, and removes it. @throws base::DiskError.
void require_writable(const std::filesystem::path& path);

/// Makes `link` a symbolic link to `target` (as written, so usually relative to the link's
/// directory), replacing a link or file there by rename. @throws base::DiskError.
void replace_symlink(const std::filesystem::path& link, const std::filesystem::path& target);

/// Makes a directory and its parents; one that exists is fine. @throws base::DiskError.
void make_directories(const std::filesystem::path& directory);

/// Removes temporary files that killed processes left in `directory` (not below it). Those of a
/// running writer are locked and stay. A missing directory is fine. Never throws. @return how many
/// were removed.
int sweep_stale_temporaries(const std::filesystem::path& directory) noexcept;

/// Makes a write past RLIMIT_FSIZE fail with EFBIG instead of ending the process. The functions
/// here that write files call it; other writers (logs) call it once. A handler that the program has
/// set is kept.
void ignore_file_size_signal();

}  // namespace swin::files
