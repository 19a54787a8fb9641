#include "base/unicode.h"

#include <utf8proc.h>

#include <algorithm>
#include <cstdlib>

namespace swin::base {

std::string composed(std::string_view text) {
  if (std::all_of(text.begin(), text.end(),
                  [](char c) { return static_cast<signed char>(c) >= 0; }))
    return std::string(text);
  utf8proc_uint8_t* result = nullptr;
  const utf8proc_ssize_t size =
      utf8proc_map(reinterpret_cast<const utf8proc_uint8_t*>(text.data()),
                   static_cast<utf8proc_ssize_t>(text.size()), &result,
                   static_cast<utf8proc_option_t>(UTF8PROC_STABLE | UTF8PROC_COMPOSE));
  if (size < 0) return std::string(text);
  std::string made(reinterpret_cast<const char*>(result), static_cast<size_t>(size));
  std::free(result);
  return made;
}

}  // namespace swin::base
