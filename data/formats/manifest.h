// A CSV or JSON Lines file that lists image files with their labels.
#pragma once
#include <memory>

#include "data/dataset.h"

namespace swin::data {

/// Reads the list, and no image. @throws DataError naming the file and the line.
std::unique_ptr<Dataset> open_manifest(const DatasetOptions& options);

}  // namespace swin::data
