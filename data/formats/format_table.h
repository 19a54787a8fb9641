// The plain rows of all formats, for configs; what opens a data set is a second table, in
// formats.cpp.
#pragma once
#include <span>
#include <string_view>

namespace swin::data {

/// What the path of a data set names.
enum class PathKind { none, folder, file, folder_or_file, shards };

/// What parts the path of a data set holds.
enum class Splits {
  none,
  train_test,
  folders,           ///< train, validation and, maybe, test, each in a folder
  optional_folders,  ///< the same, or none; or lists in place of folders
};

struct FormatRow {
  const char* name;
  PathKind path;
  Splits splits;
  bool generated = false;  ///< of as many images as are asked for
};

std::span<const FormatRow> format_rows();
/// Null if there is no such format.
const FormatRow* format_row(std::string_view name);

}  // namespace swin::data
