// Metrics of detection as text, for a trained detector and for the results of any other.
#pragma once
#include <string>

#include "tasks/metrics.h"

namespace swin::cli {

/// COCO's metrics are −1 where nothing counts: "-".
std::string of_objects(double value);
/// A table of TIDE's errors, a row for each kind and a column for boxes and masks each; empty
/// without any.
std::string errors_text(const tasks::Metrics& errors);

}  // namespace swin::cli
