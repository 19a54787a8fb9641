// Reads the input as a sequence of numbers; zeros after its end.
#pragma once
#include <cstddef>
#include <cstdint>
#include <span>

namespace swin::fuzz {

class Input {
 public:
  Input(const uint8_t* data, size_t size) : bytes_(data, size) {}
  uint8_t byte() {
    if (bytes_.empty()) return 0;
    const uint8_t value = bytes_.front();
    bytes_ = bytes_.subspan(1);
    return value;
  }
  /// In [0, count).
  size_t below(size_t count) { return byte() % count; }
  int64_t small() { return static_cast<int8_t>(byte()); }
  size_t two_bytes() {
    const size_t low = byte();
    return low + 256u * byte();
  }
  /// The next `size` bytes, or what is left.
  std::span<const uint8_t> part(size_t size) {
    const auto first = bytes_.first(size < bytes_.size() ? size : bytes_.size());
    bytes_ = bytes_.subspan(first.size());
    return first;
  }
  std::span<const uint8_t> rest() { return part(bytes_.size()); }

 private:
  std::span<const uint8_t> bytes_;
};

}  // namespace swin::fuzz
