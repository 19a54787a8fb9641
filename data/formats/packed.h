// A data set as one HDF5 file of encoded images, which reads faster than many small files. A
// userblock has two digests: of the tables, compared whenever the file is opened, before libhdf5
// reads anything, and of the images, compared by verify_packed only.
#pragma once
#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "data/dataset.h"
#include "files/hdf5_file.h"

namespace swin::data {

/// Packs the images of a data set, byte for byte and in order, with labels, class names and image
/// names. Needs twice their size on disk while it writes, and little memory.
/// @param progress gets the number of images done.   @return the bytes of all images.
/// @throws DataError for an image that cannot be read, DiskError; an existing file at `path` then
/// stays intact.
int64_t pack_dataset(const Dataset& dataset, const std::string& path,
                     const std::function<void(int64_t)>& progress = {});

/// The tables besides the images. Image i is the bytes [image_offsets[i], image_offsets[i + 1]) of
/// the images; its labels and its name are found in the same way.
struct PackedTables {
  std::vector<int64_t> image_offsets = {0}, labels, label_offsets = {0}, name_offsets = {0};
  std::string names;
  std::vector<std::string> class_names;
  bool multi_label = false;

  /// Whether the tables are consistent with each other and with the bytes of all images. The other
  /// methods require it. (The digest only shows that the file is undamaged.)
  bool fit(int64_t images_bytes) const;
  int64_t size() const { return static_cast<int64_t>(image_offsets.size()) - 1; }
  std::span<const int64_t> labels_of(int64_t i) const;
  bool has_one_label_each() const;
  std::string_view name_of(int64_t i) const;
};

/// The last part of pack_dataset: writes any arrays as a packed set with valid digests.
/// @param arrays must include "images", with at least one byte.
/// @param file the mapping of the images, whose pages are released after reading; null: none.
void write_packed(const std::string& path, std::span<const files::NamedArray> arrays,
                  std::span<const files::Hdf5Attribute> attributes,
                  const files::MappedFile* file = nullptr);

/// Compares all bytes of a file with its digests. @throws DataError naming the file.
void verify_packed(const std::string& path);

/// Compares the tables with their digest. @throws DataError naming the file.
std::unique_ptr<Dataset> open_packed(const DatasetOptions& options);

/// Whether a file starts as pack_dataset's do; false for a missing one.
bool is_packed(const std::string& path);

}  // namespace swin::data
