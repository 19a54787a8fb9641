// Checks of what a reader accepts.
#pragma once
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <span>
#include <vector>

#include "base/errors.h"
#include "files/named_array.h"

namespace swin::fuzz {

/// Aborts, which the fuzzer reports, unless the condition is true.
inline void require(bool condition) {
  if (!condition) std::abort();
}

inline std::span<const std::byte> bytes_of(const uint8_t* data, size_t size) {
  return std::as_bytes(std::span(data, size));
}

/// Every array must have as many bytes as its shape, all readable.
inline void check(const std::vector<files::NamedArray>& arrays) {
  for (const files::NamedArray& array : arrays) {
    const auto count = files::num_elements_of(array.shape);
    require(count.has_value());
    require(static_cast<int64_t>(array.bytes.size()) == *count * files::size_bytes_of(array.dtype));
    unsigned sum = 0;
    if (!array.bytes.empty())
      sum = static_cast<unsigned>(array.bytes.front()) + static_cast<unsigned>(array.bytes.back());
    require(sum <= 510);
  }
}

/// Runs a reader, which may throw only a WeightError.
template <class Reader>
int run(Reader reader) {
  try {
    reader();
  } catch (const base::WeightError&) {
  }
  return 0;
}

}  // namespace swin::fuzz
