// Explains why a text is not JSON.
#pragma once
#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

namespace swin::base {

/// The first byte at which a text stops being JSON, and what is wrong there.
struct JsonFault {
  size_t offset = 0;
  std::string what;  ///< "found …, expected …"
};

/// Checks the grammar only: names may repeat, numbers and nesting may have any size.
/// @param comments whether // and /* */ are allowed
/// @return empty if the text is JSON
std::optional<JsonFault> find_json_fault(std::string_view text, bool comments);

}  // namespace swin::base
