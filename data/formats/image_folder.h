// One folder per class, with image files anywhere below it.
#pragma once
#include <memory>

#include "data/dataset.h"

namespace swin::data {

/// Lists the files; reads none of them. @throws DataError naming the folder.
std::unique_ptr<Dataset> open_image_folder(const DatasetOptions& options);

}  // namespace swin::data
