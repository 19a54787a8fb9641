// Zip archives in memory; the only door to libarchive. Nothing is ever extracted to disk.
#pragma once
#include <cstddef>
#include <span>
#include <string>
#include <vector>

namespace swin::files {

/// A file in a zip archive.
struct ZipEntry {
  std::string name;                  ///< path with '/', relative, without ".."
  std::span<const std::byte> bytes;  ///< in the archive's memory, which must live as long
};

/// The files of a zip archive whose entries are stored, as torch.save stores them; no byte is
/// copied or inflated, so an archive cannot make itself larger than it is. The checksum of every
/// entry is compared.
/// @param archive the whole archive.   @param where file named in errors.
/// @throws base::WeightError where the archive is damaged or truncated, an entry is compressed,
/// encrypted, a link, or named twice, a name leaves the archive (absolute, "..", '\\', control
/// characters), or the entries together are larger than the archive.
std::vector<ZipEntry> read_stored_zip(std::span<const std::byte> archive, const std::string& where);

}  // namespace swin::files
