// Measures the heap use of a piece of code by replacing this test program's operator new.
#pragma once
#include <cstdint>

namespace swin::files::testing {

/// Bytes that operator new has allocated and that have not been freed.
int64_t heap_bytes();

/// Measures relative to its construction.
class HeapMeter {
 public:
  HeapMeter();
  int64_t peak_bytes() const;  ///< maximum since the construction
  int64_t held_bytes() const { return heap_bytes() - start_; }

 private:
  int64_t start_;
};

}  // namespace swin::files::testing
