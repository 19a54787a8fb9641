// Collects mismatches and throws them as one error.
#pragma once
#include <cstdint>
#include <string>

#include "base/errors.h"

namespace swin::weights {

/// A wrong config causes hundreds of mismatches; the error shows the first three.
class Mismatches {
 public:
  void add(const std::string& mismatch) {
    if (++count_ <= kShown) text_ += (count_ > 1 ? ", " : "") + mismatch;
  }
  bool none() const { return count_ == 0; }
  /// Call only if there are any. @throws base::WeightError always.
  [[noreturn]] void raise(const std::string& where, const std::string& remedy) const {
    const std::string more =
        count_ > kShown ? " and " + std::to_string(count_ - kShown) + " more" : "";
    throw base::WeightError(where, text_ + more, remedy);
  }

 private:
  static constexpr int64_t kShown = 3;
  int64_t count_ = 0;
  std::string text_;
};

}  // namespace swin::weights
