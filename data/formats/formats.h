// The table of formats, and the one way to open a data set in any of them.
#pragma once
#include <memory>
#include <string>
#include <vector>

#include "data/dataset.h"

namespace swin::data {

/// Opens and checks a data set: of an image folder the listing, of binary files every byte.
/// @throws DataError naming the file, what was found, what was expected and what to do;
///         UsageError where the options themselves make no sense.
std::unique_ptr<Dataset> open_dataset(const DatasetOptions& options);

/// The most likely format of a path. A folder with the files of MNIST or CIFAR is that, any other
/// image_folder. Of files, .csv, .json and .jsonl are manifest, .h5 and .hdf5 packed or hdf5, .tar
/// (also compressed) and paths with a range in braces webdataset.
/// @throws DataError for other paths.
std::string format_of_path(const std::string& path);

/// The formats that open_dataset knows, in the order of the table.
std::vector<std::string> dataset_formats();

}  // namespace swin::data
