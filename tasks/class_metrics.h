// What the classes of a classifier's answers say together: who is taken for whom, and whether a
// probability can be believed.
#pragma once
#include <cstdint>

namespace swin::tasks {

/// How often images of one class were answered with another, or with itself.
struct ConfusionEntry {
  int64_t label = 0, prediction = 0, count = 0;
  bool operator==(const ConfusionEntry&) const = default;
};

/// The answers whose largest probability lies in (lower, upper]; the first bin has 0, too.
struct CalibrationBin {
  double lower = 0, upper = 0;
  int64_t count = 0;
  double confidence = 0;  ///< mean largest probability; 0 of an empty bin
  double accuracy = 0;    ///< share of right answers; 0 of an empty bin
};

}  // namespace swin::tasks
