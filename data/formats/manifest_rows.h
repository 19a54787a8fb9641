// The rows of a manifest, from CSV or from JSON lines.
#pragma once
#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

namespace swin::data {

struct ManifestRow {
  int64_t line = 0;                 ///< where it begins, from 1
  std::string path;                 ///< as written
  std::vector<std::string> labels;  ///< as written
  bool list = false;  ///< labels were given as a list, so there may be none or several
};

/// Reads every row, in order. A text whose first character is '{' is JSON lines: an object a line
/// with "path" and either "label" (text or whole number) or "labels" (a list of them). Anything
/// else is CSV (RFC 4180; LF, CRLF or CR) with a header that names the columns path and label (or
/// labels), in any order and among others, spaces around them aside; several labels are separated
/// by ';'.
/// @param where file named in errors.   @throws DataError naming file and line.
void read_manifest(std::string_view text, const std::string& where,
                   const std::function<void(const ManifestRow&)>& take);

}  // namespace swin::data
