// Generated images of ten shapes; needs no file.
#pragma once
#include <memory>

#include "data/dataset.h"

namespace swin::data {

/// @throws UsageError for a size or a number of samples that makes no sense.
std::unique_ptr<Dataset> open_synthetic(const DatasetOptions& options);

}  // namespace swin::data
