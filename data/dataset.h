// Labeled images, addressed by number. One class per format, one row per format in dataset.cpp.
#pragma once
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "base/size2.h"
#include "data/decode/decode.h"
#include "data/image.h"

namespace swin::data {

enum class Split { train, test };

struct DatasetOptions {
  std::string format;  ///< one of dataset_formats()
  std::string path;    ///< folder or file, as the format has it; not used by synthetic
  Split split = Split::train;
  /// The part [begin, end) of every class, in an order shuffled by `seed`. Two data sets opened
  /// with the same path, split and seed share no image where their intervals do not overlap: a
  /// training part of 0.75 is [0, 0.75), its validation part of 0.25 is [0.75, 1).
  double fraction_begin = 0, fraction_end = 1;
  int64_t channels = 3;  ///< wanted, 1 or 3; images are converted
  /// Classes that labels given as numbers must be below; 0: as many as the labels tell.
  int64_t num_classes = 0;
  DecodeOptions decode = {};              ///< of sets that hold image files
  uint64_t seed = 0;                      ///< of the fractions and of synthetic images
  base::Size2 synthetic_size = {32, 32};  ///< height, width
  int64_t synthetic_samples = 1000;       ///< of this split
};

/// A list of labeled images. Everything is const and may be called by several threads at once.
class Dataset {
 public:
  virtual ~Dataset() = default;
  virtual int64_t size() const = 0;
  /// In [0, class_names().size()).
  /// Of a set with several labels an image: the first of labels(i), 0 where there is none.
  virtual int64_t label(int64_t i) const = 0;
  /// All classes of the image, ascending, each once; may be none where multi_label().
  virtual std::vector<int64_t> labels(int64_t i) const { return {label(i)}; }
  /// Whether an image may have several classes: then the task is one yes or no for each class.
  virtual bool multi_label() const { return false; }
  /// The image, with the wanted channels, into memory that is used again.
  /// @throws DataError naming the file.
  virtual void load(int64_t i, Image& image) const = 0;
  Image load(int64_t i) const {
    Image image;
    load(i, image);
    return image;
  }
  /// What a person would call the image: a path, or "train #123".
  virtual std::string name(int64_t i) const = 0;
  /// Whether the set holds image files, of which encoded() gives the bytes, rather than pixels.
  virtual bool holds_files() const { return false; }
  /// The bytes of the image's file: a view of `memory`, which is used again, or of the set's own.
  /// @throws DataError naming the file where it cannot be read.
  virtual std::span<const uint8_t> encoded(int64_t, std::vector<uint8_t>&) const { return {}; }
  /// Links that lead out of the set, or nowhere, and are therefore passed over.
  virtual std::vector<std::string> links_out() const { return {}; }
  const std::vector<std::string>& class_names() const { return class_names_; }
  int64_t num_classes() const { return static_cast<int64_t>(class_names_.size()); }
  /// SHA-256, in hex, of what identifies the data: the content of binary files, the relative paths
  /// and sizes of a folder, the recipe of synthetic images; also of the fraction taken.
  const std::string& fingerprint() const { return fingerprint_; }

 protected:
  std::vector<std::string> class_names_;
  std::string fingerprint_;
};

/// Opens and checks a data set (an image folder: its listing; binary files: everything).
/// @throws DataError naming the file, what was found, what was expected and what to do;
///         UsageError where the options themselves make no sense.
std::unique_ptr<Dataset> open_dataset(const DatasetOptions& options);

/// The format that a path is most likely in: a folder of the files of MNIST or CIFAR that, any
/// other image_folder; .csv, .json and .jsonl manifest, .h5 packed or hdf5, .tar (also compressed)
/// or a range in braces webdataset. @throws DataError for other paths.
std::string format_of_path(const std::string& path);

/// The formats open_dataset knows, in the order of the table.
std::vector<std::string> dataset_formats();

/// The numbers of the images that a fraction [begin, end) keeps, ascending. Stratified: each
/// class gives the places round(begin·n) … round(end·n) of its own shuffled order.
std::vector<int64_t> stratified_fraction(const std::vector<int64_t>& labels, int64_t num_classes,
                                         double begin, double end, uint64_t seed);

/// The shards that a path with a range in braces names: "a-{08..10}.tar" is three.
/// @throws UsageError for other braces.
std::vector<std::string> shard_paths(const std::string& pattern);
/// @throws UsageError: a pattern of shards that is none.
[[noreturn]] void refuse_pattern(const std::string& pattern, const std::string& expected);

// The formats behind the table; the fraction is taken by open_dataset.
std::unique_ptr<Dataset> open_mnist(const DatasetOptions& options);
std::unique_ptr<Dataset> open_cifar10(const DatasetOptions& options);
std::unique_ptr<Dataset> open_cifar100(const DatasetOptions& options);
/// Whether a folder holds the files of either part, by their names.
bool holds_mnist(const std::string& folder);
bool holds_cifar10(const std::string& folder);
bool holds_cifar100(const std::string& folder);
std::unique_ptr<Dataset> open_image_folder(const DatasetOptions& options);
std::unique_ptr<Dataset> open_manifest(const DatasetOptions& options);
std::unique_ptr<Dataset> open_webdataset(const DatasetOptions& options);
std::unique_ptr<Dataset> open_hdf5(const DatasetOptions& options);
/// Whether a file begins as pack_dataset's do; a missing one does not.
bool is_packed(const std::string& path);
std::unique_ptr<Dataset> open_packed(const DatasetOptions& options);
std::unique_ptr<Dataset> open_synthetic(const DatasetOptions& options);

}  // namespace swin::data
