// What does not fit, gathered into one error.
#pragma once
#include <cstdint>
#include <string>

#include "base/errors.h"

namespace swin::weights {

/// A wrong config brings hundreds of mismatches; the first three say it all.
class Mismatches {
 public:
  void add(const std::string& mismatch) {
    if (++count_ <= kShown) text_ += (count_ > 1 ? ", " : "") + mismatch;
  }
  bool none() const { return count_ == 0; }
  /// @throws base::WeightError of all; to be called where there are any.
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
