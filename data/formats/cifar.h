// CIFAR-10 and CIFAR-100 in their binary version.
#pragma once
#include <memory>
#include <string>

#include "data/dataset.h"

namespace swin::data {

/// @throws DataError naming the file.
std::unique_ptr<Dataset> open_cifar10(const DatasetOptions& options);
std::unique_ptr<Dataset> open_cifar100(const DatasetOptions& options);

/// Whether a folder has files of either split, by their names.
bool holds_cifar10(const std::string& folder);
bool holds_cifar100(const std::string& folder);

}  // namespace swin::data
