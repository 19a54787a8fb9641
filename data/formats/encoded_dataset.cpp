#include "data/formats/encoded_dataset.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cctype>
#include <cerrno>
#include <cstring>
#include <iterator>

#include "base/errors.h"
#include "base/text.h"
#include "data/decode/decode.h"

namespace swin::data {
namespace {

constexpr std::string_view kEndings[] = {".jpg",  ".jpeg", ".jfif", ".png",
                                         ".webp", ".bmp",  ".tif",  ".tiff"};

// Read, not mapped: truncating a mapped file while it is read would kill the process.
class OpenFile {
 public:
  OpenFile(const std::string& path, const std::string& name) : name_(name) {
    // O_NONBLOCK: opening a pipe without a writer must not wait.
    descriptor_ = ::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (descriptor_ < 0) {
      const bool missing = errno == ENOENT || errno == ENOTDIR;
      throw base::DataError(
          name,
          missing ? "no such file" : std::string("cannot be opened (") + std::strerror(errno) + ")",
          missing ? "check the path" : "check its permissions");
    }
  }
  ~OpenFile() { ::close(descriptor_); }
  OpenFile(const OpenFile&) = delete;
  OpenFile& operator=(const OpenFile&) = delete;

  int64_t size_bytes() const {
    struct stat status {};
    if (::fstat(descriptor_, &status) != 0)
      throw base::DataError(name_, std::string("cannot be read (") + std::strerror(errno) + ")");
    if (S_ISDIR(status.st_mode)) throw base::DataError(name_, "found a directory, expected a file");
    if (!S_ISREG(status.st_mode))
      throw base::DataError(name_, "found a pipe or device, expected a regular file",
                            "copy it into a file");
    return status.st_size;
  }

  std::span<const uint8_t> read(int64_t offset, int64_t size_bytes,
                                std::vector<uint8_t>& memory) const {
    if (size_bytes > kMaxImageBytes)
      throw base::DataError(name_,
                            "found " + std::to_string(size_bytes) + " bytes, expected at most " +
                                std::to_string(kMaxImageBytes) + " of an image file",
                            "make it smaller or remove it");
    const auto size = static_cast<size_t>(size_bytes);
    if (memory.size() < size) memory.resize(size);
    size_t got = 0;
    while (got < size) {
      const ssize_t count = ::pread(descriptor_, memory.data() + got, size - got,
                                    static_cast<off_t>(offset) + static_cast<off_t>(got));
      if (count < 0 && errno == EINTR) continue;
      if (count < 0)
        throw base::DataError(name_, std::string("cannot be read (") + std::strerror(errno) + ")");
      if (count == 0)
        throw base::DataError(name_,
                              "ends after " + std::to_string(got) + " bytes, expected " +
                                  std::to_string(size) + ": it was truncated while in use",
                              "fetch it again");
      got += static_cast<size_t>(count);
    }
    return {memory.data(), size};
  }

 private:
  const std::string& name_;
  int descriptor_ = -1;
};

}  // namespace

std::string lower_case(std::string_view text) {
  std::string lower(text);
  for (char& c : lower) c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
  return lower;
}

bool is_inside(const std::string& path, const std::string& folder) {
  return path.starts_with(folder) &&
         (folder == "/" || path.size() == folder.size() || path[folder.size()] == '/');
}

bool is_image_ending(const std::string& ending) {
  return std::find(std::begin(kEndings), std::end(kEndings), ending) != std::end(kEndings);
}

std::string image_endings() {
  return base::alternatives(std::vector<std::string>(std::begin(kEndings), std::end(kEndings)));
}

std::optional<ImageKind> kind_of_file(const std::string& path) {
  constexpr size_t kBytes = 16;
  // O_NONBLOCK: opening a pipe without a writer must not wait.
  const int descriptor = ::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK);
  if (descriptor < 0) return std::nullopt;
  uint8_t bytes[kBytes];
  size_t size = 0;
  ssize_t count = 1;
  while (size < kBytes && count != 0) {
    count = ::pread(descriptor, bytes + size, kBytes - size, static_cast<off_t>(size));
    if (count < 0 && errno != EINTR) break;
    size += static_cast<size_t>(std::max<ssize_t>(count, 0));
  }
  ::close(descriptor);
  if (count < 0 && size < kBytes) return std::nullopt;
  return kind_of({bytes, size});
}

std::span<const uint8_t> read_bytes(const std::string& path, int64_t offset, int64_t size_bytes,
                                    const std::string& name, std::vector<uint8_t>& memory) {
  return OpenFile(path, name).read(offset, size_bytes, memory);
}

std::span<const uint8_t> read_file(const std::string& path, std::vector<uint8_t>& memory) {
  const OpenFile file(path, path);
  return file.read(0, file.size_bytes(), memory);
}

std::span<const uint8_t> ListedDataset::encoded(int64_t i, std::vector<uint8_t>& memory) const {
  return read_file(name(i), memory);
}

void ListedDataset::add_size(int64_t size_bytes) {
  sizes_.push_back(size_bytes < 0 ? kMissing
                                  : static_cast<uint32_t>(std::min<int64_t>(size_bytes, kHuge)));
}

std::vector<ListedFile> ListedDataset::files() const {
  std::vector<ListedFile> all;
  all.reserve(sizes_.size());
  for (size_t i = 0; i < sizes_.size(); ++i)
    all.push_back({std::string(names_[i]), sizes_[i] == kMissing ? -1 : int64_t{sizes_[i]}});
  return all;
}

void EncodedDataset::load(int64_t i, Image& image) const {
  std::vector<uint8_t> memory;
  decode(i, encoded(i, memory), image);
}

base::Size2 EncodedDataset::size(int64_t i) const {
  std::vector<uint8_t> memory;
  DecodeOptions options = decode_;
  options.header_only = true;
  const Image image = decode_image(encoded(i, memory), name(i), channels_, options);
  return {image.height, image.width};
}

}  // namespace swin::data
