#include "files/atomic_directory.h"

#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <system_error>

#include "base/errors.h"
#include "files/atomic_file.h"

namespace swin::files {
namespace {

namespace fs = std::filesystem;

/// A descriptor of the folder that holds its lock, which ends with the process; −1 if another
/// process has it.
int locked(const fs::path& folder) {
  const int descriptor = ::open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
  if (descriptor < 0 || ::flock(descriptor, LOCK_EX | LOCK_NB) == 0) return descriptor;
  ::close(descriptor);
  return -1;
}

/// Removes the folders whose names begin with `prefix` and that no process has locked.
void sweep(const fs::path& parent, const std::string& prefix) {
  std::error_code error;
  for (fs::directory_iterator entry(parent, error), end; !error && entry != end;
       entry.increment(error)) {
    if (!entry->path().filename().string().starts_with(prefix)) continue;
    const int lock = locked(entry->path());
    if (lock < 0) continue;
    std::error_code ignored;
    fs::remove_all(entry->path(), ignored);
    ::close(lock);
  }
}

}  // namespace

AtomicDirectory::AtomicDirectory(const fs::path& path) {
  ignore_file_size_signal();
  std::error_code error;
  path_ = fs::weakly_canonical(path, error);
  if (error) fail_on_disk(path, "find the directory", error.value());
  if (!path_.has_filename()) path_ = path_.parent_path();  // "a/"
  if (fs::exists(path_, error) && !fs::is_directory(path_, error))
    throw base::DiskError(path.string(), "found a file, expected a directory",
                          "choose another path");
  if (path_.has_parent_path()) make_directories(path_.parent_path());
  const std::string prefix = "." + path_.filename().string() + ".tmp.";
  sweep(path_.has_parent_path() ? path_.parent_path() : ".", prefix);
  temporary_ = path_.parent_path() / (prefix + std::to_string(::getpid()));
  if (!fs::create_directory(temporary_, error))
    fail_on_disk(path_, "make the directory", error ? error.value() : EEXIST);
  lock_ = locked(temporary_);
}

AtomicDirectory::~AtomicDirectory() {
  std::error_code ignored;
  fs::remove_all(temporary_, ignored);
  if (lock_ >= 0) ::close(lock_);
}

void AtomicDirectory::write(const std::string& name, std::string_view content) {
  const fs::path file = temporary_ / name;
  make_directories(file.parent_path());
  std::FILE* stream = std::fopen(file.c_str(), "wbxe");
  if (!stream) fail_on_disk(path_ / name, "create", errno);
  const bool written = std::fwrite(content.data(), 1, content.size(), stream) == content.size();
  const int write_error = errno;
  if (std::fclose(stream) != 0) fail_on_disk(path_ / name, "write", errno);
  if (!written) fail_on_disk(path_ / name, "write", write_error);
}

void AtomicDirectory::put_into_place() {
  const char *from = temporary_.c_str(), *to = path_.c_str();
  if (::renameat2(AT_FDCWD, from, AT_FDCWD, to, RENAME_EXCHANGE) == 0) return;
  if (errno == EINVAL || errno == ENOSYS) {
    const fs::path old = temporary_.string() + ".old";  // sweep() finds it, too
    if (std::rename(to, old.c_str()) == 0) {
      if (std::rename(from, to) == 0) {
        std::error_code ignored;
        fs::remove_all(old, ignored);
        return;
      }
      const int error = errno;
      std::rename(old.c_str(), to);
      errno = error;
    }
  }
  if (errno == ENOENT && std::rename(from, to) == 0) return;  // there was none
  fail_on_disk(path_, "put the directory into place", errno);
}

}  // namespace swin::files
