// Folders that are replaced as a whole or not at all, even if the process dies.
#pragma once
#include <filesystem>
#include <string>
#include <string_view>

namespace swin::files {

/// A folder of small files: they are written to `.<name>.tmp.<pid>` beside it, which then changes
/// places with it, so that a reader sees the old folder or the new one. Every function throws
/// base::DiskError where a call fails; the old folder is then untouched.
/// The files are not synced one by one: after a loss of power, which a killed process does not
/// cause, new files may be empty.
class AtomicDirectory {
 public:
  /// Makes the temporary folder, and removes those of this name that killed processes left.
  /// @param path absent or a folder; its parents are made. Of a symbolic link, its target.
  explicit AtomicDirectory(const std::filesystem::path& path);
  /// Removes the temporary folder, or the old one once the new one is in place.
  ~AtomicDirectory();
  AtomicDirectory(const AtomicDirectory&) = delete;
  AtomicDirectory& operator=(const AtomicDirectory&) = delete;

  /// Writes a file.   @param name "matrix.svg", or in one new folder "worst/01.png"
  void write(const std::string& name, std::string_view content);
  /// The last call. Where the file system cannot exchange two folders, there is none for a moment.
  void put_into_place();

 private:
  std::filesystem::path path_, temporary_;
  int lock_ = -1;
};

}  // namespace swin::files
