// A height and a width.
#pragma once
#include <array>
#include <cstdint>
#include <string>

namespace swin::base {

using Size2 = std::array<int64_t, 2>;  ///< {height, width}

inline std::string size_text(int64_t height, int64_t width) {  ///< "56 × 56"
  return std::to_string(height) + " × " + std::to_string(width);
}
inline std::string size_text(const Size2& size) { return size_text(size[0], size[1]); }

}  // namespace swin::base
