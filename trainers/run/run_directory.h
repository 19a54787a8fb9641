// A run's directory: lock, checkpoints and their links, small files. Knows the names and paths of
// checkpoints, not their content.
#pragma once
#include <cstdint>
#include <filesystem>
#include <optional>
#include <string_view>
#include <vector>

namespace swin::trainers {

class RunDirectory {
 public:
  /// Makes the directory, takes its lock and removes temporaries that killed processes left behind.
  /// The lock is the kernel's (flock): it ends with the process, however that ends.
  /// @throws DiskError if it cannot be made; UsageError if another process holds the lock.
  explicit RunDirectory(const std::filesystem::path& path);
  /// For reading: nothing is made, locked or removed, and the directory may be missing.
  static RunDirectory look(const std::filesystem::path& path) { return {path, Look()}; }
  ~RunDirectory();
  RunDirectory(const RunDirectory&) = delete;
  RunDirectory& operator=(const RunDirectory&) = delete;

  const std::filesystem::path& path() const { return path_; }
  std::filesystem::path log_path() const { return path_ / "log.jsonl"; }
  /// RUN/checkpoints/step_000012345.h5
  std::filesystem::path checkpoint_path(int64_t step) const;

  struct StepFile {
    int64_t step = 0;
    std::filesystem::path path;
  };
  /// The existing checkpoints, newest first.
  std::vector<StepFile> checkpoints() const;

  /// Points last.h5 or best.h5 to a step's checkpoint, atomically (rename). @throws DiskError.
  void link(std::string_view name, int64_t step) const;
  /// Removes a link; a missing one is fine.
  void unlink(std::string_view name) const;
  /// The step that a link points to; empty if there is no link or its file is missing.
  std::optional<int64_t> linked_step(std::string_view name) const;

  /// Removes checkpoints, except the `keep_last` newest up to `step` and those that links point to.
  /// Checkpoints after `step` belong to a branch that a resume from an older checkpoint abandoned.
  void prune(int64_t step, int64_t keep_last) const;

  /// Writes RUN/<name> atomically. @throws DiskError.
  void write(std::string_view name, std::string_view text) const;

 private:
  struct Look {};
  RunDirectory(const std::filesystem::path& path, Look) : path_(path) {}
  std::filesystem::path path_;
  int lock_ = -1;
};

/// The process that has a run directory in use, as its lock file names it; nothing if none has.
std::optional<std::string> user_of_run(const std::filesystem::path& directory);
/// @throws UsageError if a process has it in use.
void require_unused(const std::filesystem::path& directory);

inline constexpr std::string_view kLast = "last.h5", kBest = "best.h5";

}  // namespace swin::trainers
