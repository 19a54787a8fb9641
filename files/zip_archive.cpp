#include "files/zip_archive.h"

#include <archive.h>
#include <archive_entry.h>

#include <algorithm>
#include <cstdint>
#include <memory>
#include <string_view>
#include <unordered_set>

#include "base/errors.h"
#include "files/mapped_file.h"

namespace swin::files {
namespace {

struct Closer {
  void operator()(struct archive* reader) const { ::archive_read_free(reader); }
};

constexpr size_t kMaxEntries = 100'000;
constexpr char kRemedy[] = "the file is damaged or not from torch.save; get it again";

/// Reads one archive; every refusal names the file.
class Reader {
 public:
  Reader(std::span<const std::byte> archive, const std::string& where)
      : archive_(archive), where_(where), reader_(::archive_read_new()) {}

  std::vector<ZipEntry> read() {
    check_directory();
    if (reader_ == nullptr) throw base::MemoryError(where_, "no memory for a zip reader");
    // The seekable reader goes by the central directory, as torch does.
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
        refuse("holds " + printable(entry.name) + " twice, expected every name once");
      if (::archive_entry_is_data_encrypted(header) != 0)
        refuse(printable(entry.name) + " is encrypted, expected plain bytes");
      const auto type = ::archive_entry_filetype(header);
      if (type == AE_IFDIR) continue;
      if (type != AE_IFREG) refuse(printable(entry.name) + " is a link or device, expected a file");
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
    refuse(what + (text == nullptr ? "" : " (" + printable(text) + ")"));
  }

  /// libarchive takes a few times the directory's size of memory, so its entries are counted first.
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
    bool leaves = name.front() == '/' || name.find('\\') != std::string_view::npos ||
                  std::any_of(name.begin(), name.end(),
                              [](char c) { return static_cast<unsigned char>(c) < 0x20; });
    for (size_t at = 0; at <= name.size();) {
      const size_t end = std::min(name.find('/', at), name.size());
      leaves |= name.substr(at, end - at) == "..";
      at = end + 1;
    }
    if (leaves)
      refuse("holds the name " + printable(name) + ", expected one that stays in the archive");
    return std::string(name);
  }

  std::span<const std::byte> bytes_of(const std::string& name, struct archive_entry* header) {
    const auto size = ::archive_entry_size(header);
    if (!::archive_entry_size_is_set(header) || size < 0 ||
        static_cast<uint64_t>(size) > archive_.size())
      refuse(printable(name) + " is said to be " + std::to_string(size) +
             " bytes, more than the whole file of " + std::to_string(archive_.size()));
    total_bytes_ += static_cast<uint64_t>(size);
    if (total_bytes_ > archive_.size())
      refuse("the entries overlap: together they are larger than the file of " +
             std::to_string(archive_.size()) + " bytes");
    const std::string_view format = ::archive_format_name(reader_.get());
    if (format.find("(uncompressed)") == std::string_view::npos)
      refuse(printable(name) + " is compressed, expected stored bytes as torch.save writes them");

    // A stored entry is handed out as pieces of the archive's own memory.
    const void* piece = nullptr;
    size_t piece_bytes = 0;
    la_int64_t offset = 0;
    const std::byte* begin = nullptr;
    size_t found_bytes = 0;
    while (true) {
      const int result = ::archive_read_data_block(reader_.get(), &piece, &piece_bytes, &offset);
      if (result == ARCHIVE_EOF) break;
      if (result != ARCHIVE_OK) refuse_reader(printable(name) + " is damaged");
      if (piece_bytes == 0) continue;
      const auto* at = static_cast<const std::byte*>(piece);
      if (begin == nullptr) begin = at;
      const bool inside = at >= archive_.data() && at < archive_.data() + archive_.size();
      if (!inside || at != begin + found_bytes ||
          piece_bytes > static_cast<size_t>(size) - found_bytes)
        refuse(printable(name) + " is not stored in one piece of its " + std::to_string(size) +
               " bytes");
      found_bytes += piece_bytes;
    }
    if (found_bytes != static_cast<size_t>(size))
      refuse(printable(name) + " has " + std::to_string(found_bytes) + " bytes, expected " +
             std::to_string(size) + ": the file is truncated");
    return {begin, found_bytes};
  }

  std::span<const std::byte> archive_;
  const std::string& where_;
  std::unique_ptr<struct archive, Closer> reader_;
  uint64_t total_bytes_ = 0;
};

}  // namespace

std::vector<ZipEntry> read_stored_zip(std::span<const std::byte> archive,
                                      const std::string& where) {
  return Reader(archive, where).read();
}

}  // namespace swin::files
