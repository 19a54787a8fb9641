// The rows of a manifest, from CSV or JSON Lines.
#pragma once
#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

namespace swin::data {

struct ManifestRow {
  int64_t line = 0;                 ///< where the row starts, from 1
  std::string path;                 ///< as written
  std::vector<std::string> labels;  ///< as written
  bool list = false;                ///< the labels were given as a list, which may have any length
};

/// Reads every row, in order. A text whose first character is '{' is JSON Lines: one object per
/// line with "path" and either "label" (a text or an integer) or "labels" (a list of them).
/// Anything else is CSV (RFC 4180; LF, CRLF or CR) with a header. The columns path and label (or
/// labels) may be in any order, with other columns between and spaces around their names; ';'
/// separates several labels.
/// @param where the file, for errors.   @throws DataError naming file and line.
void read_manifest(std::string_view text, const std::string& where,
                   const std::function<void(const ManifestRow&)>& take);

}  // namespace swin::data
