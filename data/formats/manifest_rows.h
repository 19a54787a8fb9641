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
/// labels) may be in any order, with other columns between, spaces around their names and in
/// capitals. The header tells the separator of the columns: a comma, a semicolon or a tab; a first
/// line "sep=;", as spreadsheets write it, is skipped. ';' separates several labels in a field (in
/// double quotes where it separates the columns). The text is UTF-8, or UTF-16 with a byte order
/// mark. Paths may have any bytes, labels must be UTF-8.
/// @param where the file, for errors.   @throws DataError naming file and line.
void read_manifest(std::string_view text, const std::string& where,
                   const std::function<void(const ManifestRow&)>& take);

bool is_utf8(std::string_view text);
/// Refuses a line whose text is not UTF-8. @throws DataError, always.
[[noreturn]] void refuse_encoding(const std::string& where, int64_t line);

}  // namespace swin::data
