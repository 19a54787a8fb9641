// The plain rows of all formats, for configs; what opens a data set is a second table, in
// formats.cpp.
#pragma once
#include <span>

namespace swin::data {

/// What the path of a data set names.
enum class PathKind { none, folder, file, shards };

struct FormatRow {
  const char* name;
  PathKind path;
  bool has_splits;  ///< the path holds both a train and a test part
};

std::span<const FormatRow> format_rows();

}  // namespace swin::data
