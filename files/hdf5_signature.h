// Recognizes HDF5 files without libhdf5, which since 1.14 reads beyond the end of a file that has
// no signature.
#pragma once
#include <cstdint>
#include <cstring>

#include "files/bytes.h"

namespace swin::files {

inline constexpr std::string_view kHdf5Signature = "\x89HDF\r\n\x1a\n";

/// Whether the signature is at one of the offsets that the format allows: 0, 512, 1024, 2048, ….
/// @param read called as read(offset, char* to); reads kHdf5Signature.size() bytes and returns
///   whether it could. The file has these bytes.
template <class Read>
bool has_hdf5_signature(uint64_t file_bytes, Read read) {
  char found[kHdf5Signature.size()];
  if (file_bytes < sizeof found) return false;
  for (uint64_t offset = 0; offset <= file_bytes - sizeof found;
       offset = offset == 0 ? 512 : 2 * offset)
    if (read(offset, found) && std::string_view(found, sizeof found) == kHdf5Signature) return true;
  return false;
}

inline bool has_hdf5_signature(ByteSpan file) {
  return has_hdf5_signature(file.size(), [&](uint64_t offset, char* to) {
    std::memcpy(to, file.data() + offset, kHdf5Signature.size());
    return true;
  });
}

}  // namespace swin::files
