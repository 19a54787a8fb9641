// A data set as one HDF5 file of encoded images, read from front to back faster than many files.
// The file is ours: a userblock holds digests, of the tables (compared whenever it is opened, before
// libhdf5 sees a byte) and of the images (compared by verify_packed; opening reads none of them).
#pragma once
#include <cstdint>
#include <functional>
#include <string>

#include "data/dataset.h"

namespace swin::data {

/// Packs the pictures of a data set, byte for byte and in its order, with labels, class names and
/// names. Takes twice their size of disk while it writes, and little memory.
/// @param progress is told the pictures done.   @return the bytes of all images.
/// @throws DataError for a picture that cannot be read, DiskError; a file at `path` is then intact.
int64_t pack_dataset(const Dataset& dataset, const std::string& path,
                     const std::function<void(int64_t)>& progress = {});

/// Compares every byte with the file's digests. @throws DataError.
void verify_packed(const std::string& path);

}  // namespace swin::data
