// Gzip files: read into memory (also files that may be gzip), and made.
#pragma once
#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "files/bytes.h"

namespace swin::files {

/// Whether the bytes start as a gzip member does.
bool is_gzip(ByteSpan bytes);

/// The inflated bytes of a gzip file (one member or several).
/// @param where file named in errors.   @param limit_bytes largest size that is accepted.
/// @throws base::DataError where the file is truncated or damaged, its checksum differs, or more
/// than limit_bytes come out (memory never exceeds the limit).
std::vector<uint8_t> gunzip(ByteSpan compressed, const std::string& where, int64_t limit_bytes);

/// The first bytes of a file, at most `size_bytes`; inflated if it starts as a gzip file does.
/// Reads and inflates no more than that, so only a file with fewer bytes is checked to its end.
/// @throws base::DataError where it is missing, unreadable or damaged.
std::vector<uint8_t> read_start_maybe_gzip(const std::filesystem::path& path, int64_t size_bytes);

/// A whole file; inflated if it starts as a gzip file does, whatever its name is.
/// @throws base::DataError where it is missing, unreadable, damaged or larger than limit_bytes.
std::vector<uint8_t> read_maybe_gzip(const std::filesystem::path& path, int64_t limit_bytes);

/// The bytes as a gzip file of one member, without a name or a time: equal bytes give equal files.
std::vector<uint8_t> gzip(ByteSpan bytes);

}  // namespace swin::files
