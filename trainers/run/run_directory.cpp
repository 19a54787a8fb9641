#include "trainers/run/run_directory.h"

#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <cstdio>
#include <cstring>

#include "base/errors.h"
#include "files/atomic_file.h"

namespace swin::trainers {
namespace {

namespace fs = std::filesystem;

/// The number in step_000012345.h5.
std::optional<int64_t> step_of(const std::string& name) {
  constexpr std::string_view kPrefix = "step_", kSuffix = ".h5";
  if (!name.starts_with(kPrefix) || !name.ends_with(kSuffix)) return std::nullopt;
  int64_t step = 0;
  const char* end = name.data() + name.size() - kSuffix.size();
  const auto [last, error] = std::from_chars(name.data() + kPrefix.size(), end, step);
  if (error != std::errc() || last != end || step < 0) return std::nullopt;
  return step;
}

/// Whether the lock is now held. Those who only look hold it for a moment (user_of_run).
bool take_lock(int file) {
  constexpr int kTries = 5;
  constexpr useconds_t kMicroseconds = 10'000;
  for (int i = 0; i < kTries; ++i) {
    if (i > 0) ::usleep(kMicroseconds);
    if (::flock(file, LOCK_EX | LOCK_NB) == 0) return true;
  }
  return false;
}

/// The process that a lock file names.
std::string user_in(int file) {
  char owner[32] = {};
  const ssize_t size = ::pread(file, owner, sizeof owner - 1, 0);
  const std::string text(owner, size > 0 ? static_cast<size_t>(size) : 0);
  return text.substr(0, text.find('\n'));
}

[[noreturn]] void refuse_used(const std::string& lock, const std::string& user) {
  throw base::UsageError(
      lock, "found the run in use by process " + user + ", expected a directory of one process",
      "wait for it, or choose another --output");
}

}  // namespace

std::optional<std::string> user_of_run(const fs::path& directory) {
  const int file = ::open((directory / "lock").c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK);
  if (file < 0) return std::nullopt;
  std::optional<std::string> user;
  if (::flock(file, LOCK_SH | LOCK_NB) != 0 && errno == EWOULDBLOCK) user = user_in(file);
  ::close(file);  // and the lock with it
  return user;
}

void require_unused(const fs::path& directory) {
  if (const auto user = user_of_run(directory)) refuse_used((directory / "lock").string(), *user);
}

RunDirectory::RunDirectory(const fs::path& path) : path_(path) {
  files::ignore_file_size_signal();
  files::make_directories(path_ / "checkpoints");
  const std::string lock_path = (path_ / "lock").string();
  lock_ = ::open(lock_path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0644);
  if (lock_ < 0)
    throw base::DiskError(lock_path, std::string("cannot be opened (") + std::strerror(errno) + ")",
                          "choose a writable --output");
  if (!take_lock(lock_)) {
    const std::string user = user_in(lock_);
    ::close(lock_);
    lock_ = -1;
    refuse_used(lock_path, user);
  }
  // The process that holds the lock, for the error above. A failure here is ignored: if the disk is
  // full, the first file that matters reports it.
  const std::string process = std::to_string(::getpid()) + "\n";
  if (::ftruncate(lock_, 0) == 0) {
    const ssize_t written = ::pwrite(lock_, process.data(), process.size(), 0);
    static_cast<void>(written);
  }
  files::sweep_stale_temporaries(path_);
  files::sweep_stale_temporaries(path_ / "checkpoints");
}

RunDirectory::~RunDirectory() {
  if (lock_ >= 0) ::close(lock_);
}

fs::path RunDirectory::checkpoint_path(int64_t step) const {
  char name[48];
  std::snprintf(name, sizeof name, "step_%09lld.h5", static_cast<long long>(step));
  return path_ / "checkpoints" / name;
}

std::vector<RunDirectory::StepFile> RunDirectory::checkpoints() const {
  std::vector<StepFile> found;
  std::error_code error;
  for (fs::directory_iterator entry(path_ / "checkpoints", error), end; !error && entry != end;
       entry.increment(error))
    if (const auto step = step_of(entry->path().filename().string()))
      found.push_back({*step, entry->path()});
  std::sort(found.begin(), found.end(),
            [](const StepFile& a, const StepFile& b) { return a.step > b.step; });
  return found;
}

void RunDirectory::link(std::string_view name, int64_t step) const {
  files::replace_symlink(path_ / name, fs::path("checkpoints") / checkpoint_path(step).filename());
}

void RunDirectory::unlink(std::string_view name) const {
  std::error_code error;
  fs::remove(path_ / name, error);
}

std::optional<int64_t> RunDirectory::linked_step(std::string_view name) const {
  std::error_code error;
  const fs::path target = fs::read_symlink(path_ / name, error);
  if (error || !fs::exists(path_ / name, error)) return std::nullopt;
  return step_of(target.filename().string());
}

void RunDirectory::prune(int64_t step, int64_t keep_last) const {
  const auto last = linked_step(kLast), best = linked_step(kBest);
  int64_t kept = 0;
  for (const StepFile& file : checkpoints()) {
    if (file.step <= step && kept++ < keep_last) continue;
    if (file.step == last || file.step == best) continue;
    std::error_code error;
    fs::remove(file.path, error);
  }
}

void RunDirectory::write(std::string_view name, std::string_view text) const {
  files::write_file_atomically(path_ / name, text);
}

}  // namespace swin::trainers
