// Third-party HDF5 files of images and labels.
#pragma once
#include <memory>

#include "data/dataset.h"

namespace swin::data {

/// Images that fit into a quarter of the memory are read at once, those of larger sets on demand.
/// @throws DataError naming the file.
std::unique_ptr<Dataset> open_hdf5(const DatasetOptions& options);

}  // namespace swin::data
