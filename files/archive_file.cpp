#include "files/archive_file.h"

#include <archive.h>
#include <archive_entry.h>

#include <algorithm>
#include <cstdint>
#include <memory>
#include <string_view>
#include <unordered_set>

#include "base/errors.h"
#include "base/text.h"
#include "files/mapped_file.h"

namespace swin::files {
namespace {

struct Closer {
  void operator()(struct archive* reader) const { ::archive_read_free(reader); }
};

constexpr size_t kMaxEntries = 100'000;
constexpr char kRemedy[] = "the file is damaged or not from torch.save; get it again";

/// Whether a name leads out of the directory of the archive, or cannot be shown.
bool leaves_archive(std::string_view name) {
  bool leaves = name.front() == '/' || name.find('\\') != std::string_view::npos ||
                std::any_of(name.begin(), name.end(),
                            [](char c) { return static_cast<unsigned char>(c) < 0x20; });
  for (size_t at = 0; at <= name.size();) {
    const size_t end = std::min(name.find('/', at), name.size());
    leaves |= name.substr(at, end - at) == "..";
    at = end + 1;
  }
  return leaves;
}

/// Reads one zip archive; every error names the file.
class Reader {
 public:
  Reader(std::span<const std::byte> archive, const std::string& where)
      : archive_(archive), where_(where), reader_(::archive_read_new()) {}

  std::vector<ZipEntry> read() {
    check_directory();
    if (reader_ == nullptr) throw base::MemoryError(where_, "no memory for a zip reader");
    // The seekable reader uses the central directory, as torch does.
    if (::archive_read_support_format_zip_seekable(reader_.get()) != ARCHIVE_OK ||
        ::archive_read_open_memory(reader_.get(), archive_.data(), archive_.size()) != ARCHIVE_OK)
      refuse_reader("the zip archive cannot be read");
    std::vector<ZipEntry> entries;
    std::unordered_set<std::string> names;
    struct archive_entry* header = nullptr;
    while (true) {
      const int result = ::archive_read_next_header(reader_.get(), &header);
      if (result == ARCHIVE_EOF) break;
      if (result != ARCHIVE_OK) refuse_reader("the zip archive is damaged");
      ZipEntry entry;
      entry.name = name_of(header);
      if (!names.insert(entry.name).second)
        refuse("holds " + base::printable(entry.name) + " twice, expected every name once");
      if (::archive_entry_is_data_encrypted(header) != 0)
        refuse(base::printable(entry.name) + " is encrypted, expected plain bytes");
      const auto type = ::archive_entry_filetype(header);
      if (type == AE_IFDIR) continue;
      if (type != AE_IFREG)
        refuse(base::printable(entry.name) + " is a link or device, expected a file");
      entry.bytes = bytes_of(entry.name, header);
      entries.push_back(std::move(entry));
    }
    return entries;
  }

 private:
  [[noreturn]] void refuse(const std::string& found) const {
    throw base::WeightError(where_, found, kRemedy);
  }
  [[noreturn]] void refuse_reader(const std::string& what) const {
    const char* text = ::archive_error_string(reader_.get());
    refuse(what + (text == nullptr ? "" : " (" + base::printable(text) + ")"));
  }

  /// Counts the entries first: libarchive takes several times the directory's size of memory.
  void check_directory() const {
    constexpr std::string_view kEntry = "PK\x01\x02";
    const std::string_view text(reinterpret_cast<const char*>(archive_.data()), archive_.size());
    size_t count = 0;
    for (size_t at = text.find(kEntry); at != std::string_view::npos;
         at = text.find(kEntry, at + 1))
      if (++count > kMaxEntries)
        refuse("the zip archive has more than " + std::to_string(kMaxEntries) +
               " entries, expected the few hundred of a state dict");
  }

  std::string name_of(struct archive_entry* header) const {
    const char* text = ::archive_entry_pathname(header);
    if (text == nullptr) text = ::archive_entry_pathname_utf8(header);
    if (text == nullptr || *text == '\0')
      refuse("an entry of the zip archive has no readable name, expected one");
    const std::string_view name = text;
    if (leaves_archive(name))
      refuse("holds the name " + base::printable(name) +
             ", expected one that stays in the archive");
    return std::string(name);
  }

  std::span<const std::byte> bytes_of(const std::string& name, struct archive_entry* header) {
    const auto size = ::archive_entry_size(header);
    if (!::archive_entry_size_is_set(header) || size < 0 ||
        static_cast<uint64_t>(size) > archive_.size())
      refuse(base::printable(name) + " is said to be " + std::to_string(size) +
             " bytes, more than the whole file of " + std::to_string(archive_.size()));
    total_bytes_ += static_cast<uint64_t>(size);
    if (total_bytes_ > archive_.size())
      refuse("the entries overlap: together they are larger than the file of " +
             std::to_string(archive_.size()) + " bytes");
    const std::string_view format = ::archive_format_name(reader_.get());
    if (format.find("(uncompressed)") == std::string_view::npos)
      refuse(base::printable(name) +
             " is compressed, expected stored bytes as torch.save writes them");

    // libarchive returns a stored entry as pieces of the archive's own memory.
    const void* piece = nullptr;
    size_t piece_bytes = 0;
    la_int64_t offset = 0;
    const std::byte* begin = nullptr;
    size_t found_bytes = 0;
    while (true) {
      const int result = ::archive_read_data_block(reader_.get(), &piece, &piece_bytes, &offset);
      if (result == ARCHIVE_EOF) break;
      if (result != ARCHIVE_OK) refuse_reader(base::printable(name) + " is damaged");
      if (piece_bytes == 0) continue;
      const auto* at = static_cast<const std::byte*>(piece);
      if (begin == nullptr) begin = at;
      const bool inside = at >= archive_.data() && at < archive_.data() + archive_.size();
      if (!inside || at != begin + found_bytes ||
          piece_bytes > static_cast<size_t>(size) - found_bytes)
        refuse(base::printable(name) + " is not stored in one piece of its " +
               std::to_string(size) + " bytes");
      found_bytes += piece_bytes;
    }
    if (found_bytes != static_cast<size_t>(size))
      refuse(base::printable(name) + " has " + std::to_string(found_bytes) + " bytes, expected " +
             std::to_string(size) + ": the file is truncated");
    return {begin, found_bytes};
  }

  std::span<const std::byte> archive_;
  const std::string& where_;
  std::unique_ptr<struct archive, Closer> reader_;
  uint64_t total_bytes_ = 0;
};

/// Reads one tar archive.
class TarReader {
 public:
  TarReader(std::span<const std::byte> archive, const std::string& where)
      : archive_(archive), where_(where), reader_(::archive_read_new()) {}

  std::vector<TarEntry> read() {
    if (reader_ == nullptr) throw base::MemoryError(where_, "no memory for a tar reader");
    if (archive_.empty()) refuse("found an empty file, expected a tar archive");
    if (starts_with("\x1f\x8b") || starts_with("BZh") || starts_with("\x28\xb5\x2f\xfd") ||
        starts_with("\xfd"
                    "7zXZ"))
      throw base::DataError(where_, "found a compressed archive, expected a plain tar",
                            "uncompress it: images are compressed already");
    if (archive_.size() < kBlockBytes)
      refuse("found " + std::to_string(archive_.size()) +
             " bytes, expected at least one block of " + std::to_string(kBlockBytes) +
             ": the tar is truncated");
    if (::archive_read_support_format_tar(reader_.get()) != ARCHIVE_OK ||
        ::archive_read_open_memory(reader_.get(), archive_.data(), archive_.size()) != ARCHIVE_OK)
      refuse_reader("cannot be read as a tar archive");
    std::vector<TarEntry> entries;
    struct archive_entry* header = nullptr;
    while (true) {
      const int result = ::archive_read_next_header(reader_.get(), &header);
      if (result == ARCHIVE_EOF) break;
      if (result != ARCHIVE_OK)
        refuse_reader("found a damaged or truncated archive, expected a complete tar");
      const char* text = ::archive_entry_pathname(header);
      if (text == nullptr) text = ::archive_entry_pathname_utf8(header);
      if (text == nullptr || *text == '\0')
        refuse("an entry of the tar has no readable name, expected one");
      std::string name = text;
      if (leaves_archive(name))
        refuse("holds the name " + base::printable(name) +
               ", expected one that stays in the archive");
      while (name.starts_with("./")) name.erase(0, 2);
      if (::archive_entry_hardlink(header) != nullptr ||
          (::archive_entry_filetype(header) != AE_IFREG &&
           ::archive_entry_filetype(header) != AE_IFDIR))
        refuse(base::printable(name) + " is a link or device, expected a file");
      if (::archive_entry_filetype(header) == AE_IFDIR) continue;
      entries.push_back(entry_of(std::move(name), header));
    }
    check_end();
    return entries;
  }

 private:
  static constexpr size_t kBlockBytes = 512;

  [[noreturn]] void refuse(const std::string& found) const {
    throw base::DataError(where_, found, "fetch or make the archive again");
  }
  [[noreturn]] void refuse_reader(const std::string& what) const {
    const char* text = ::archive_error_string(reader_.get());
    refuse(what + (text == nullptr ? "" : " (" + base::printable(text) + ")"));
  }
  bool starts_with(std::string_view magic) const {
    return archive_.size() >= magic.size() &&
           std::equal(magic.begin(), magic.end(), archive_.begin(),
                      [](char a, std::byte b) { return std::byte(a) == b; });
  }

  /// libarchive returns data as pieces of the archive's own memory, so their addresses give
  /// offsets.
  TarEntry entry_of(std::string name, struct archive_entry* header) {
    const auto size = static_cast<int64_t>(::archive_entry_size(header));
    if (size < 0 || static_cast<uint64_t>(size) > archive_.size())
      refuse(base::printable(name) + " is said to be " + std::to_string(size) +
             " bytes, more than the whole file of " + std::to_string(archive_.size()) +
             ": the tar is truncated or damaged");
    TarEntry entry{std::move(name), 0, size};
    const std::byte* begin = nullptr;
    int64_t found_bytes = 0;
    const void* piece = nullptr;
    size_t piece_bytes = 0;
    la_int64_t offset = 0;
    while (true) {
      const int result = ::archive_read_data_block(reader_.get(), &piece, &piece_bytes, &offset);
      if (result == ARCHIVE_EOF) break;
      if (result != ARCHIVE_OK)
        refuse_reader(base::printable(entry.name) +
                      " is incomplete: the tar is truncated or damaged");
      if (piece_bytes == 0) continue;
      const auto* at = static_cast<const std::byte*>(piece);
      if (begin == nullptr) begin = at;
      if (at < archive_.data() || at >= archive_.data() + archive_.size() ||
          at != begin + found_bytes || offset != found_bytes)
        refuse(base::printable(entry.name) + " is a sparse file, expected plain bytes");
      found_bytes += static_cast<int64_t>(piece_bytes);
    }
    if (found_bytes != size)
      refuse(base::printable(entry.name) + " has " + std::to_string(found_bytes) +
             " bytes, expected " + std::to_string(size) + ": the tar is truncated");
    if (begin != nullptr) entry.offset_bytes = begin - archive_.data();
    return entry;
  }

  /// A complete tar ends in zeros. A tar that was cut between two files has none. One that was
  /// joined with cat has more files after them, which would be ignored.
  void check_end() const {
    const auto end = static_cast<size_t>(::archive_read_header_position(reader_.get()));
    const auto zero = [](std::byte byte) { return byte == std::byte{}; };
    if (end + kBlockBytes > archive_.size() ||
        !std::all_of(archive_.begin() + static_cast<std::ptrdiff_t>(end),
                     archive_.begin() + static_cast<std::ptrdiff_t>(end + kBlockBytes), zero))
      refuse("ends after " + std::to_string(archive_.size()) +
             " bytes without the zeros of a complete tar: it is truncated");
    if (!std::all_of(archive_.begin() + static_cast<std::ptrdiff_t>(end), archive_.end(), zero))
      throw base::DataError(where_, "found bytes after the end of the tar archive, expected none",
                            "were several joined with cat? name them as shards instead");
  }

  std::span<const std::byte> archive_;
  const std::string& where_;
  std::unique_ptr<struct archive, Closer> reader_;
};

}  // namespace

std::vector<TarEntry> read_tar_index(std::span<const std::byte> archive, const std::string& where) {
  return TarReader(archive, where).read();
}

std::vector<ZipEntry> read_stored_zip(std::span<const std::byte> archive,
                                      const std::string& where) {
  return Reader(archive, where).read();
}

}  // namespace swin::files
