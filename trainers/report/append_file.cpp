#include "trainers/report/append_file.h"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <string>

#include "base/errors.h"

namespace swin::trainers {
namespace {

[[noreturn]] void fail(const std::filesystem::path& path, const char* what, int error) {
  throw base::DiskError(path.string(),
                        std::string("cannot be ") + what + " (" + std::strerror(error) + ")",
                        "free space or choose a writable --output");
}

}  // namespace

AppendFile::AppendFile(const std::filesystem::path& path, int64_t keep_bytes) : path_(path) {
  file_ = ::open(path.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0644);
  if (file_ < 0) fail(path, "opened", errno);
  if (::ftruncate(file_, keep_bytes) != 0) {
    const int error = errno;
    ::close(file_);
    fail(path, "cut", error);
  }
}

AppendFile::~AppendFile() {
  if (file_ >= 0) ::close(file_);
}

void AppendFile::append(std::string_view bytes) {
  ssize_t written;
  do written = ::write(file_, bytes.data(), bytes.size());
  while (written < 0 && errno == EINTR);
  if (written == static_cast<ssize_t>(bytes.size())) return;
  const int error = written < 0 ? errno : ENOSPC;
  if (written > 0) {
    const off_t end = ::lseek(file_, 0, SEEK_END);
    const int cut = ::ftruncate(file_, end - written);
    static_cast<void>(cut);  // if this fails, the next resume drops the part
  }
  fail(path_, "written", error);
}

}  // namespace swin::trainers
