#include "files/atomic_file.h"

#include <dirent.h>
#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <cstring>
#include <mutex>
#include <string>
#include <system_error>

#include "base/errors.h"

namespace swin::files {
namespace {

namespace fs = std::filesystem;

constexpr size_t kMaxWriteBytes = size_t{64} << 20;

/// The temporary file of `path`: same directory, so that rename stays within one file system.
fs::path temporary_of(const fs::path& path) {
  std::string name = ".";
  name.append(path.filename().string()).append(".tmp.").append(std::to_string(::getpid()));
  return path.parent_path() / name;
}

/// Whether a name is one that temporary_of makes.
bool is_temporary_name(std::string_view name) {
  const size_t last_dot = name.rfind('.');
  if (name.empty() || name.front() != '.' || last_dot == std::string_view::npos) return false;
  const std::string_view digits = name.substr(last_dot + 1);
  if (digits.empty() || digits.find_first_not_of("0123456789") != std::string_view::npos)
    return false;
  const std::string_view rest = name.substr(0, last_dot);
  return rest.size() > 5 && rest.ends_with(".tmp");
}

std::string remedy_of(int error) {
  switch (error) {
    case ENOSPC:
    case EDQUOT:
      return "free some space or choose another directory";
    case EROFS:
      return "choose a directory that is not read-only";
    case EACCES:
    case EPERM:
      return "choose a directory you may write to";
    case ENOENT:
      return "make the directory first";
    case EFBIG:
      return "raise the file size limit (ulimit -f)";
    case ENOTDIR:
      return "a part of the path is a file; choose another path";
    case ENAMETOOLONG:
      return "choose a shorter name";
    default:
      return "choose another directory or check the disk";
  }
}

}  // namespace

[[noreturn]] void fail_on_disk(const fs::path& path, const char* action, int error) {
  throw base::DiskError(path.string(),
                        std::string("cannot ") + action + " (" + std::strerror(error) + ")",
                        remedy_of(error));
}

namespace {

/// Only a regular file, a link or nothing may be at `path`: a rename would replace a device by a
/// file.
void check_replaceable(const fs::path& path) {
  if (path.filename().empty() || path.filename() == "." || path.filename() == "..")
    throw base::DiskError(path.string(), "found a directory path, expected a file name",
                          "add a file name");
  struct stat status {};
  if (::lstat(path.c_str(), &status) != 0) return;  // absent, or the later open reports why
  if (S_ISREG(status.st_mode) || S_ISLNK(status.st_mode)) return;
  throw base::DiskError(path.string(),
                        S_ISDIR(status.st_mode)
                            ? "found a directory, expected a file to write"
                            : "found a pipe or device, expected a regular file to write",
                        "choose another path");
}

void write_all(const fs::path& path, int descriptor, ByteSpan bytes) {
  while (!bytes.empty()) {
    const ssize_t written =
        ::write(descriptor, bytes.data(), std::min(bytes.size(), kMaxWriteBytes));
    if (written < 0) {
      if (errno == EINTR) continue;
      fail_on_disk(path, "write", errno);
    }
    if (written == 0) fail_on_disk(path, "write", ENOSPC);
    bytes = bytes.subspan(static_cast<size_t>(written));
  }
}

int fsync_retried(int descriptor) {
  int result;
  do {
    result = ::fsync(descriptor);
  } while (result != 0 && errno == EINTR);
  return result;
}

/// Makes a rename in the directory of `path` durable. File systems that cannot sync a directory
/// return EINVAL.
void sync_directory_of(const fs::path& path) {
  const fs::path parent = path.parent_path().empty() ? fs::path(".") : path.parent_path();
  const int descriptor = ::open(parent.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (descriptor < 0) {
    if (errno == EACCES) return;  // a directory one may write to but not list cannot be opened
    fail_on_disk(path, "open the directory to sync it", errno);
  }
  const int result = fsync_retried(descriptor);
  const int error = errno;
  ::close(descriptor);
  if (result != 0 && error != EINVAL && error != ENOTSUP && error != EROFS)
    fail_on_disk(path, "sync its directory", error);
}

/// The temporary file of `target`: closed at the end, and removed unless it was put into place.
struct Temporary {
  fs::path path, target;
  int descriptor = -1;
  bool remove = false;

  explicit Temporary(const fs::path& to) : path(temporary_of(to)), target(to) {
    check_replaceable(to);
    // A killed process may have had our process id: its temporary file is removed.
    ::unlink(path.c_str());
  }
  ~Temporary() {
    if (descriptor >= 0) ::close(descriptor);
    if (remove) ::unlink(path.c_str());
  }
  void create() {
    // O_EXCL refuses a link that was planted there.
    descriptor = ::open(path.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0666);
    if (descriptor < 0) fail_on_disk(target, "create", errno);
    remove = true;
  }
  void put_into_place(const char* action) {
    if (::rename(path.c_str(), target.c_str()) != 0) fail_on_disk(target, action, errno);
    remove = false;
    sync_directory_of(target);
  }
};

}  // namespace

void ignore_file_size_signal() {
  static std::once_flag once;
  std::call_once(once, [] {
    struct sigaction current {};
    if (::sigaction(SIGXFSZ, nullptr, &current) != 0 || current.sa_handler != SIG_DFL) return;
    current.sa_handler = SIG_IGN;
    ::sigaction(SIGXFSZ, &current, nullptr);
  });
}

struct AtomicFile::Implementation : Temporary {
  using Temporary::Temporary;
};

AtomicFile::AtomicFile(const fs::path& path) {
  ignore_file_size_signal();
  implementation_ = std::make_unique<Implementation>(path);
  implementation_->create();
  // The lock ends with the process. It tells sweep_stale_temporaries that this file has a writer.
  // On file systems without locks the sweep cannot take one either, and leaves the file.
  ::flock(implementation_->descriptor, LOCK_EX | LOCK_NB);
}

AtomicFile::~AtomicFile() = default;

void AtomicFile::append(ByteSpan bytes) {
  write_all(implementation_->target, implementation_->descriptor, bytes);
}

void AtomicFile::put_into_place() {
  if (fsync_retried(implementation_->descriptor) != 0)
    fail_on_disk(implementation_->target, "sync", errno);
  // The descriptor is closed only after this, so that the lock lasts as long as the temporary file.
  // Errors that close could report were already reported by fsync.
  implementation_->put_into_place("put the file into place");
}

void write_file_atomically(const fs::path& path, std::span<const ByteSpan> spans) {
  AtomicFile file(path);
  for (const ByteSpan span : spans) file.append(span);
  file.put_into_place();
}

void write_file_atomically(const fs::path& path, std::string_view text) {
  const ByteSpan span = bytes_of(text);
  write_file_atomically(path, std::span(&span, 1));
}

void require_writable(const fs::path& path) { Temporary(path).create(); }

void replace_symlink(const fs::path& link, const fs::path& target) {
  Temporary temporary(link);
  if (::symlink(target.c_str(), temporary.path.c_str()) != 0)
    fail_on_disk(link, "make the link", errno);
  temporary.remove = true;
  temporary.put_into_place("put the link into place");
}

void make_directories(const fs::path& directory) {
  std::error_code error;
  fs::create_directories(directory, error);
  if (error) fail_on_disk(directory, "make the directory", error.value());
  if (!fs::is_directory(directory, error))
    throw base::DiskError(directory.string(), "found a file, expected a directory",
                          "choose another path");
}

int sweep_stale_temporaries(const fs::path& directory) noexcept {
  int removed = 0;
  DIR* listing = ::opendir(directory.empty() ? "." : directory.c_str());
  if (listing == nullptr) return 0;
  const int at = ::dirfd(listing);
  while (const dirent* entry = ::readdir(listing)) {
    if (!is_temporary_name(entry->d_name)) continue;
    struct stat status {};
    if (::fstatat(at, entry->d_name, &status, AT_SYMLINK_NOFOLLOW) != 0) continue;
    if (S_ISLNK(status.st_mode)) {
      removed += ::unlinkat(at, entry->d_name, 0) == 0;
      continue;
    }
    if (!S_ISREG(status.st_mode)) continue;
    const int descriptor =
        ::openat(at, entry->d_name, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOFOLLOW);
    if (descriptor < 0) continue;
    if (::flock(descriptor, LOCK_EX | LOCK_NB) == 0)
      removed += ::unlinkat(at, entry->d_name, 0) == 0;
    ::close(descriptor);
  }
  ::closedir(listing);
  return removed;
}

}  // namespace swin::files
