// How much heap a piece of code takes: this test program's operator new counts.
#pragma once
#include <cstdint>

namespace swin::files::testing {

/// Bytes that operator new has handed out and not got back.
int64_t heap_bytes();

/// Measures from its construction.
class HeapMeter {
 public:
  HeapMeter();
  int64_t peak_bytes() const;  ///< the most that was held at once since then, beyond what was held
  int64_t held_bytes() const { return heap_bytes() - start_; }

 private:
  int64_t start_;
};

}  // namespace swin::files::testing
