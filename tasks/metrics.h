// Names and values of metrics.
#pragma once
#include <string>
#include <utility>
#include <vector>

namespace swin::tasks {

/// In a fixed order, which is also that of logs and tables.
using Metrics = std::vector<std::pair<std::string, double>>;

/// The value of this name; null if there is none.
inline const double* find(const Metrics& metrics, const std::string& name) {
  for (const auto& [metric, value] : metrics)
    if (metric == name) return &value;
  return nullptr;
}

// Of the metrics of a class, these are numbers of images; the others are shares.
inline constexpr char kSupport[] = "support";  ///< that have the class
inline constexpr char kTruePositives[] = "true_positives", kFalsePositives[] = "false_positives",
                      kFalseNegatives[] = "false_negatives", kTrueNegatives[] = "true_negatives";
inline bool is_count(const std::string& metric) {
  return metric == kSupport || metric == kTruePositives || metric == kFalsePositives ||
         metric == kFalseNegatives || metric == kTrueNegatives;
}

}  // namespace swin::tasks
