#include "files/archive_file.h"

#include <archive.h>
#include <archive_entry.h>

#include <algorithm>
#include <string_view>
#include <unordered_set>

#include "base/errors.h"
#include "base/owned.h"
#include "base/text.h"
#include "files/mapped_file.h"

namespace swin::files {
namespace {

constexpr size_t kMaxEntries = 100'000;

/// Whether a name leads out of the directory of the archive, or cannot be shown.
bool leaves_archive(const std::string& name) {
  return name.front() == '/' || name.find('\\') != std::string::npos ||
         ("/" + name + "/").find("/../") != std::string::npos ||
         std::any_of(name.begin(), name.end(),
                     [](char c) { return static_cast<unsigned char>(c) < 0x20; });
}

struct Format {
  const char *name, *whole;  // `whole`: what is truncated where bytes are missing
  FileKind kind;
  const char* remedy;
};
constexpr Format kZip = {"zip", "file", FileKind::weights,
                         "the file is damaged or not from torch.save; get it again"};
constexpr Format kTar = {"tar", "tar", FileKind::data, "fetch or make the archive again"};

/// An archive in memory, read by libarchive entry by entry; every error names the file.
class Reader {
 protected:
  Reader(ByteSpan archive, const std::string& where, const Format& format)
      : archive_(archive), where_(where), format_(format), reader_(::archive_read_new()) {
    if (reader_ == nullptr)
      throw base::MemoryError(where_, std::string("no memory for a ") + format.name + " reader");
  }

  [[noreturn]] void refuse(const std::string& found) const { refuse(found, format_.remedy); }
  [[noreturn]] void refuse(const std::string& found, const char* remedy) const {
    fail(format_.kind, where_, found, remedy);
  }
  [[noreturn]] void refuse_reader(const std::string& what) const {
    const char* text = ::archive_error_string(reader_.get());
    refuse(what + (text == nullptr ? "" : " (" + base::printable(text) + ")"));
  }

  void open(int (*support_format)(struct archive*), const std::string& refusal) {
    if (support_format(reader_.get()) != ARCHIVE_OK ||
        ::archive_read_open_memory(reader_.get(), archive_.data(), archive_.size()) != ARCHIVE_OK)
      refuse_reader(refusal);
  }

  /// Moves to the next entry. @return false at the end.
  bool next(const std::string& refusal) {
    const int result = ::archive_read_next_header(reader_.get(), &entry_);
    if (result != ARCHIVE_OK && result != ARCHIVE_EOF && !keeps_bytes_of_names(result))
      refuse_reader(refusal);
    return result != ARCHIVE_EOF;
  }

  std::string name(const std::string& archive) const {
    const char* text = ::archive_entry_pathname(entry_);
    if (text == nullptr) text = ::archive_entry_pathname_utf8(entry_);
    if (text == nullptr || *text == '\0')
      refuse("an entry of the " + archive + " has no readable name, expected one");
    if (leaves_archive(text))
      refuse("holds the name " + base::printable(text) +
             ", expected one that stays in the archive");
    return text;
  }

  /// Whether the entry is a directory. Anything but directories and files is refused.
  bool is_directory(const std::string& name) const {
    const auto type = ::archive_entry_filetype(entry_);
    if (::archive_entry_hardlink(entry_) != nullptr || (type != AE_IFREG && type != AE_IFDIR))
      refuse(base::printable(name) + " is a link or device, expected a file");
    return type == AE_IFDIR;
  }

  size_t size(const std::string& name, const std::string& conclusion) const {
    const auto size = ::archive_entry_size(entry_);
    if (!::archive_entry_size_is_set(entry_) || size < 0 ||
        static_cast<uint64_t>(size) > archive_.size())
      refuse(base::printable(name) + " is said to be " + std::to_string(size) +
             " bytes, more than the whole file of " + std::to_string(archive_.size()) + conclusion);
    return static_cast<size_t>(size);
  }

  /// The `size` bytes of an entry that is neither compressed nor sparse: libarchive returns them as
  /// pieces of the archive's own memory.
  ByteSpan bytes(const std::string& name, size_t size, const std::string& damaged,
                 const std::string& scattered) {
    const void* piece = nullptr;
    size_t piece_bytes = 0, found_bytes = 0;
    la_int64_t offset = 0;
    const std::byte* begin = nullptr;
    while (true) {
      const int result = ::archive_read_data_block(reader_.get(), &piece, &piece_bytes, &offset);
      if (result == ARCHIVE_EOF) break;
      if (result != ARCHIVE_OK) refuse_reader(base::printable(name) + damaged);
      if (piece_bytes == 0) continue;
      const auto* at = static_cast<const std::byte*>(piece);
      if (begin == nullptr) begin = at;
      const bool inside = at >= archive_.data() && at < archive_.data() + archive_.size();
      if (!inside || at != begin + found_bytes || offset != static_cast<la_int64_t>(found_bytes) ||
          piece_bytes > size - found_bytes)
        refuse(base::printable(name) + scattered);
      found_bytes += piece_bytes;
    }
    if (found_bytes != size)
      refuse(base::printable(name) + " has " + std::to_string(found_bytes) + " bytes, expected " +
             std::to_string(size) + ": the " + format_.whole + " is truncated");
    return {begin, found_bytes};
  }

  /// Whether the reader only warns that it cannot write a name of the header in the characters of
  /// the locale (a pax header is UTF-8, the locale is often C). It then gives the bytes as they
  /// are, and bytes are all that a name is here.
  bool keeps_bytes_of_names(int result) const {
    const char* text = ::archive_error_string(reader_.get());
    return result == ARCHIVE_WARN && text != nullptr &&
           std::string_view(text).find("can't be converted from") != std::string_view::npos;
  }

  ByteSpan archive_;
  const std::string& where_;
  const Format& format_;
  base::Owned<struct archive, ::archive_read_free> reader_;
  struct archive_entry* entry_ = nullptr;
};

class ZipReader : Reader {
 public:
  ZipReader(ByteSpan archive, const std::string& where) : Reader(archive, where, kZip) {}

  std::vector<std::string> names() {
    check_directory();
    std::vector<std::string> names;
    if (::archive_read_support_format_zip_seekable(reader_.get()) != ARCHIVE_OK ||
        ::archive_read_open_memory(reader_.get(), archive_.data(), archive_.size()) != ARCHIVE_OK)
      return names;
    while (::archive_read_next_header(reader_.get(), &entry_) == ARCHIVE_OK)
      if (const char* name = ::archive_entry_pathname(entry_)) names.emplace_back(name);
    return names;
  }

  std::vector<ZipEntry> read() {
    check_directory();
    // The seekable reader uses the central directory, as torch does.
    open(::archive_read_support_format_zip_seekable, "the zip archive cannot be read");
    std::vector<ZipEntry> entries;
    std::unordered_set<std::string> names;
    uint64_t total_bytes = 0;
    while (next("the zip archive is damaged")) {
      ZipEntry entry;
      entry.name = name("zip archive");
      if (!names.insert(entry.name).second)
        refuse("holds " + base::printable(entry.name) + " twice, expected every name once");
      if (::archive_entry_is_data_encrypted(entry_) != 0)
        refuse(base::printable(entry.name) + " is encrypted, expected plain bytes",
               "unpack it with its password, and pack its folder again (zip -0 -r)");
      if (is_directory(entry.name)) continue;
      const size_t entry_bytes = size(entry.name, "");
      total_bytes += entry_bytes;
      if (total_bytes > archive_.size())
        refuse("the entries overlap: together they are larger than the file of " +
               std::to_string(archive_.size()) + " bytes");
      const std::string_view format = ::archive_format_name(reader_.get());
      if (format.find("(uncompressed)") == std::string_view::npos)
        refuse(base::printable(entry.name) +
                   " is compressed, expected stored bytes as torch.save writes them",
               "unpack it, and pack its folder again without compression (zip -0 -r)");
      entry.bytes =
          bytes(entry.name, entry_bytes, " is damaged",
                " is not stored in one piece of its " + std::to_string(entry_bytes) + " bytes");
      entries.push_back(std::move(entry));
    }
    return entries;
  }

 private:
  /// Counts the entries first: libarchive takes several times the directory's size of memory.
  void check_directory() const {
    constexpr std::string_view kEntry = "PK\x01\x02";
    const std::string_view text = text_of(archive_);
    size_t count = 0;
    for (size_t at = text.find(kEntry); at != std::string_view::npos;
         at = text.find(kEntry, at + 1))
      if (++count > kMaxEntries)
        refuse("the zip archive has more than " + std::to_string(kMaxEntries) +
               " entries, expected the few hundred of a state dict");
  }
};

class TarReader : Reader {
 public:
  TarReader(ByteSpan archive, const std::string& where) : Reader(archive, where, kTar) {}

  std::vector<TarEntry> read() {
    if (archive_.empty()) refuse("found an empty file, expected a tar archive");
    for (const char* magic : {"\x1f\x8b", "BZh", "\x28\xb5\x2f\xfd", "\xfd\x37zXZ"})
      if (text_of(archive_).starts_with(magic))
        throw base::DataError(where_, "found a compressed archive, expected a plain tar",
                              "uncompress it: images are compressed already");
    if (archive_.size() < kBlockBytes)
      refuse("found " + std::to_string(archive_.size()) +
             " bytes, expected at least one block of " + std::to_string(kBlockBytes) +
             ": the tar is truncated");
    open(::archive_read_support_format_tar, "cannot be read as a tar archive");
    std::vector<TarEntry> entries;
    while (next("found a damaged or truncated archive, expected a complete tar")) {
      std::string entry_name = name("tar");
      while (entry_name.starts_with("./")) entry_name.erase(0, 2);
      if (is_directory(entry_name)) continue;
      const ByteSpan found =
          bytes(entry_name, size(entry_name, ": the tar is truncated or damaged"),
                " is incomplete: the tar is truncated or damaged",
                " is a sparse file, expected plain bytes");
      const int64_t offset = found.empty() ? 0 : found.data() - archive_.data();
      entries.push_back({std::move(entry_name), offset, static_cast<int64_t>(found.size())});
    }
    check_end();
    return entries;
  }

 private:
  static constexpr size_t kBlockBytes = 512;

  /// A complete tar ends in zeros. A tar that was cut between two files has none. One that was
  /// joined with cat has more files after them, which would be ignored.
  void check_end() const {
    const auto end = static_cast<size_t>(::archive_read_header_position(reader_.get()));
    if (end + kBlockBytes > archive_.size() || !all_zero(archive_.subspan(end, kBlockBytes)))
      refuse("ends after " + std::to_string(archive_.size()) +
             " bytes without the zeros of a complete tar: it is truncated");
    if (!all_zero(archive_.subspan(end)))
      throw base::DataError(where_, "found bytes after the end of the tar archive, expected none",
                            "were several joined with cat? name them as shards instead");
  }
};

}  // namespace

std::vector<TarEntry> read_tar_index(ByteSpan archive, const std::string& where) {
  return TarReader(archive, where).read();
}

std::vector<std::string> zip_names(ByteSpan archive, const std::string& where) {
  return ZipReader(archive, where).names();
}

std::vector<ZipEntry> read_stored_zip(ByteSpan archive, const std::string& where) {
  return ZipReader(archive, where).read();
}

}  // namespace swin::files
