#include "files/mapped_file.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "base/errors.h"
#include "base/utf8.h"

namespace swin::files {

void fail(FileKind kind, const std::string& where, const std::string& found,
          const std::string& remedy) {
  if (kind == FileKind::data) throw base::DataError(where, found, remedy);
  throw base::WeightError(where, found, remedy);
}

constexpr size_t kMaxNameBytes = 512;

bool is_name(std::string_view text) {
  if (text.empty() || text.size() > kMaxNameBytes) return false;
  while (!text.empty()) {
    const size_t length = base::utf8_length(text);
    const auto first = static_cast<unsigned char>(text[0]);
    // U+0080 … U+009F: terminals take them for escapes, too.
    const bool is_c1 = length == 2 && first == 0xc2 && static_cast<unsigned char>(text[1]) < 0xa0;
    if (length == 0 || first < 0x20 || first == 0x7f || is_c1) return false;
    text.remove_prefix(length);
  }
  return true;
}

MappedFile::MappedFile(const std::filesystem::path& path, FileKind kind) : path_(path) {
  const std::string where = path.string();
  // O_NONBLOCK: opening a pipe without a writer must not wait.
  const int descriptor = ::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK);
  if (descriptor < 0) {
    if (errno == ENOENT || errno == ENOTDIR) fail(kind, where, "no such file", "check the path");
    fail(kind, where, std::string("cannot be opened (") + std::strerror(errno) + ")",
         "check its permissions");
  }
  struct Closer {
    int descriptor;
    ~Closer() { ::close(descriptor); }
  } closer{descriptor};
  struct stat status {};
  if (::fstat(descriptor, &status) != 0)
    fail(kind, where, std::string("cannot be read (") + std::strerror(errno) + ")");
  if (S_ISDIR(status.st_mode)) fail(kind, where, "found a directory, expected a file");
  if (!S_ISREG(status.st_mode))
    fail(kind, where, "found a pipe or device, expected a regular file", "copy it into a file");
  if (status.st_size == 0) return;
  const auto size = static_cast<size_t>(status.st_size);
  void* memory = ::mmap(nullptr, size, PROT_READ, MAP_PRIVATE, descriptor, 0);
  if (memory == MAP_FAILED)
    fail(kind, where,
         "cannot map its " + std::to_string(size) + " bytes (" + std::strerror(errno) + ")");
  bytes_ = {static_cast<const std::byte*>(memory), size};
}

MappedFile::~MappedFile() {
  if (!bytes_.empty()) ::munmap(const_cast<std::byte*>(bytes_.data()), bytes_.size());
}

void MappedFile::release_pages() const {
  if (!bytes_.empty())
    ::madvise(const_cast<std::byte*>(bytes_.data()), bytes_.size(), MADV_DONTNEED);
}

}  // namespace swin::files
