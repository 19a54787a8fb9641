// A data set as one HDF5 file of encoded images, read from front to back faster than many files.
// The file is ours: a userblock holds digests, of the tables (compared whenever it is opened,
// before libhdf5 sees a byte) and of the images (compared by verify_packed; opening reads none of
// them).
#pragma once
#include <cstdint>
#include <functional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "data/dataset.h"
#include "files/hdf5_file.h"

namespace swin::data {

/// Packs the images of a data set, byte for byte and in its order, with labels, class names and
/// names. Takes twice their size of disk while it writes, and little memory.
/// @param progress is told the images done.   @return the bytes of all images.
/// @throws DataError for an image that cannot be read, DiskError; a file at `path` is then intact.
int64_t pack_dataset(const Dataset& dataset, const std::string& path,
                     const std::function<void(int64_t)>& progress = {});

/// What stands beside the images: of image i the bytes from image_offsets[i] to
/// image_offsets[i + 1], in the same way its labels and its name.
struct PackedTables {
  std::vector<int64_t> image_offsets = {0}, labels, label_offsets = {0}, name_offsets = {0};
  std::string names;
  std::vector<std::string> class_names;
  bool multi_label = false;

  /// Whether all fit each other and so many bytes of images; the rest may be asked only then. A
  /// digest tells who wrote a file, not that it was written well.
  bool fit(int64_t images_bytes) const;
  int64_t size() const { return static_cast<int64_t>(image_offsets.size()) - 1; }
  std::span<const int64_t> labels_of(int64_t i) const;
  std::string_view name_of(int64_t i) const;
};

/// The last step of pack_dataset: whatever arrays, as a packed set with the right digests.
/// @param arrays among them "images", with at least one byte.
/// @param file where the images lie mapped: its pages are let go when they are read.
void write_packed(const std::string& path, std::span<const files::NamedArray> arrays,
                  std::span<const files::Hdf5Attribute> attributes,
                  const files::MappedFile* file = nullptr);

/// Compares every byte with the file's digests. @throws DataError.
void verify_packed(const std::string& path);

}  // namespace swin::data
