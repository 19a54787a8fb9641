// Files that are replaced whole or not at all, also when the process dies or the disk is full.
#pragma once
#include <cstddef>
#include <filesystem>
#include <span>
#include <string_view>

namespace swin::files {

using ByteSpan = std::span<const std::byte>;

/// The bytes of a text.
inline ByteSpan bytes_of(std::string_view text) { return std::as_bytes(std::span(text)); }

/// Writes `spans`, one after the other, as the file `path`: temporary `.<name>.tmp.<pid>` in the
/// same directory → write → fsync → rename → fsync of the directory. A reader sees the old file or
/// the new one, never a part. A symbolic link at `path` is itself replaced. Threads of one process
/// may write different names at once, not the same name.
/// @throws base::DiskError on every failing call (full or read-only disk, no permission, missing
/// directory, file size limit, a directory or device in the way); the old file is untouched, the
/// temporary removed. Where only the last step fails, the directory's fsync, the new file is there.
void write_file_atomically(const std::filesystem::path& path, std::span<const ByteSpan> spans);
void write_file_atomically(const std::filesystem::path& path, std::string_view text);

/// Makes `link` a symbolic link to `target` (as written, so usually relative to the link's
/// directory), replacing what link or file is there by rename. @throws base::DiskError.
void replace_symlink(const std::filesystem::path& link, const std::filesystem::path& target);

/// Makes a directory and its parents; one that exists is fine. @throws base::DiskError.
void make_directories(const std::filesystem::path& directory);

/// Removes temporaries that killed processes left in `directory` (not below it); those of a writer
/// at work are locked and stay. A missing directory is fine. @return how many were removed. Never
/// throws.
int sweep_stale_temporaries(const std::filesystem::path& directory) noexcept;

/// A write past RLIMIT_FSIZE then fails with EFBIG instead of ending the process. Done by every
/// function here; others that write (logs) call it once. A handler the program has set is kept.
void ignore_file_size_signal();

}  // namespace swin::files
