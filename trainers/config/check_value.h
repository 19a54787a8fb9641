// One value of a config against its field.
#pragma once
#include <string>

#include "trainers/config/fields.h"

namespace swin::trainers {

/// Stores `value` in the config.
/// @throws UsageError where its type or range is not the field's.
void store_value(const Field& field, const base::Json& value, Config& config);

/// "found …" with the value's text, shortened if it is long.
std::string found_text(const base::Json& value);

/// "file:line: path" of a value, or the path alone for values made in memory.
std::string where_is(const base::Json& value, const std::string& path);

}  // namespace swin::trainers
