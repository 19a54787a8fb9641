// Zip and tar archives in memory. Only archive_file.cpp uses libarchive. Nothing is extracted to
// disk.
#pragma once
#include <cstdint>
#include <string>
#include <vector>

#include "files/bytes.h"

namespace swin::files {

/// A file in a zip archive.
struct ZipEntry {
  std::string name;  ///< path with '/', relative, without ".."
  ByteSpan bytes;    ///< a view of the archive's memory
};

/// The files of a zip archive whose entries are stored without compression, as torch.save does. No
/// byte is copied or inflated, so an archive cannot expand. The checksum of every entry is
/// compared.
/// @param archive the whole archive.   @param where file named in errors.
/// @throws base::WeightError where the archive is damaged or truncated, an entry is compressed,
/// encrypted, a link, or named twice, a name leaves the archive (absolute, "..", '\\', control
/// characters), or the entries together are larger than the archive.
std::vector<ZipEntry> read_stored_zip(ByteSpan archive, const std::string& where);

/// The names in a zip archive, whatever it holds and however that is packed; nothing is unpacked.
/// Empty where the archive has no readable directory.
/// @throws base::WeightError where it has more entries than any state dict.
std::vector<std::string> zip_names(ByteSpan archive, const std::string& where);

/// A file in a tar archive, by its offset.
struct TarEntry {
  std::string name;      ///< path with '/', relative, without ".." and without a leading "./"
  int64_t offset_bytes;  ///< of its first byte in the archive
  int64_t size_bytes;
};

/// The regular files of an uncompressed tar archive (ustar, pax or GNU), in its order. Only headers
/// are read; no byte is copied.
/// @param archive the whole archive, mapped.   @param where file named in errors.
/// @throws base::DataError where the archive is damaged, truncated (even if only the zeros at
/// its end are missing), compressed, followed by other bytes, or holds links, devices, sparse files
/// or names that leave it.
std::vector<TarEntry> read_tar_index(ByteSpan archive, const std::string& where);

}  // namespace swin::files
