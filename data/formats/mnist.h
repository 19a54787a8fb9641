// MNIST and the sets in its format, such as Fashion-MNIST.
#pragma once
#include <memory>
#include <string>

#include "data/dataset.h"

namespace swin::data {

/// @throws DataError naming the file.
std::unique_ptr<Dataset> open_mnist(const DatasetOptions& options);

/// Whether a folder has files of either split, by their names.
bool holds_mnist(const std::string& folder);

}  // namespace swin::data
