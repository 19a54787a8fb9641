// The input is a tar archive. Every file in its index must lie inside the archive.
#include "files/archive_file.h"
#include "fuzz/check.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const auto bytes = swin::fuzz::bytes_of(data, size);
  try {
    for (const swin::files::TarEntry& entry : swin::files::read_tar_index(bytes, "input")) {
      swin::fuzz::require(!entry.name.empty() && entry.name.front() != '/');
      swin::fuzz::require(entry.offset_bytes >= 0 && entry.size_bytes >= 0);
      swin::fuzz::require(static_cast<size_t>(entry.offset_bytes) <= size &&
                          static_cast<size_t>(entry.size_bytes) <=
                              size - static_cast<size_t>(entry.offset_bytes));
    }
  } catch (const swin::base::DataError&) {
  }
  return 0;
}
