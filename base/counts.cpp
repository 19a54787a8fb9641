#include "base/counts.h"

namespace swin::base {

std::string grouped(int64_t n) {
  std::string digits = std::to_string(n < 0 ? -n : n);
  for (int64_t i = static_cast<int64_t>(digits.size()) - 3; i > 0; i -= 3)
    digits.insert(static_cast<size_t>(i), ",");
  return (n < 0 ? "-" : "") + digits;
}

std::string counted(int64_t n, const std::string& one, const std::string& several) {
  return grouped(n) + " " + (n == 1 ? one : several.empty() ? one + "s" : several);
}

}  // namespace swin::base
