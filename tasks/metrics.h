// Names and values of metrics.
#pragma once
#include <string>
#include <utility>
#include <vector>

namespace swin::tasks {

/// In a fixed order, which is also that of logs and tables.
using Metrics = std::vector<std::pair<std::string, double>>;

}  // namespace swin::tasks
