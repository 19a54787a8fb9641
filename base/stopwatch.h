// Measures elapsed time.
#pragma once
#include <chrono>

namespace swin::base {

/// Starts when constructed.
class Stopwatch {
 public:
  /// Since the start or the last restart.
  double seconds() const {
    return std::chrono::duration<double>(std::chrono::steady_clock::now() - start_).count();
  }
  /// Returns seconds() and starts again.
  double restart() {
    const double passed = seconds();
    start_ = std::chrono::steady_clock::now();
    return passed;
  }

 private:
  std::chrono::steady_clock::time_point start_ = std::chrono::steady_clock::now();
};

}  // namespace swin::base
