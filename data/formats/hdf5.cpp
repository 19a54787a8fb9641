// Third-party HDF5 files: /images (N, height, width, channels) uint8 and /labels: class numbers (N)
// or (N, 1), or rows of 0 and 1 for each class (N, classes); one-hot rows are class numbers. Read
// by a child process in a sandbox (files/hdf5_reader_process/third_party_hdf5.h). A set that fits
// into memory is read once; the images of a larger one are read on demand.
#include <algorithm>
#include <cstring>
#include <span>

#include "base/errors.h"
#include "base/limits.h"
#include "base/unicode.h"
#include "data/formats/formats.h"
#include "data/formats/passed_over.h"
#include "files/digest.h"
#include "files/hdf5_reader_process/third_party_hdf5.h"

namespace swin::data {
namespace {

constexpr int64_t kMaxClasses = 65536;

/// A quarter of the memory that this process may use.
int64_t memory_for_images() { return base::limits().memory_bytes().value_or(0) / 4; }

class Hdf5Dataset : public Dataset {
 public:
  explicit Hdf5Dataset(const DatasetOptions& options)
      : path_(options.path), file_(options.path), channels_(options.channels) {
    for (const std::string& name : file_.class_names())
      class_names_.push_back(base::composed(name));
    labels_ = file_.read_labels();
    files::Sha256 digest;
    const int64_t shape[] = {file_.num_images(), file_.height(), file_.width(), file_.channels(),
                             file_.label_columns()};
    digest.update(std::as_bytes(std::span(shape)));
    digest.update(std::as_bytes(std::span(labels_)));
    columns_ = file_.label_columns();
    if (!options.label_rows) take_one_class_each(options);
    take_labels(options);
    if (!multi_label()) warnings_ = class_warnings(class_names_, "");
    const auto all = file_.num_images() * file_.image_bytes();
    if (all <= memory_for_images()) {
      pixels_.resize(static_cast<size_t>(all));
      file_.read_images(0, file_.num_images(), pixels_);
    }
    if (!pixels_.empty()) {
      digest.update(std::as_bytes(std::span(pixels_)));
    } else {  // reading all images would take too long
      std::vector<uint8_t> ends(static_cast<size_t>(2 * file_.image_bytes()));
      const std::span<uint8_t> bytes(ends);
      file_.read_images(0, 1, bytes.first(ends.size() / 2));
      file_.read_images(file_.num_images() - 1, 1, bytes.last(ends.size() / 2));
      digest.update(std::as_bytes(bytes));
    }
    fingerprint_ = files::to_hex(digest.finish());
  }

  int64_t size() const override { return file_.num_images(); }
  base::Size2 size(int64_t) const override { return {file_.height(), file_.width()}; }
  Annotation annotation(int64_t i) const override {
    if (!multi_label()) return OneClass{labels_[static_cast<size_t>(i)]};
    Classes classes;
    const auto columns = static_cast<size_t>(columns_);
    const auto row = std::span(labels_).subspan(static_cast<size_t>(i) * columns, columns);
    for (size_t c = 0; c < columns; ++c)
      if (row[c] == 1) classes.indices.push_back(static_cast<int64_t>(c));
    return classes;
  }
  void load(int64_t i, Image& image) const override {
    if (file_.channels() == channels_) return read(i, image);
    Image stored;
    read(i, stored);
    convert_channels(stored, channels_, image);
  }
  std::string name(int64_t i) const override { return path_ + " #" + std::to_string(i); }
  std::vector<ListedFile> files() const override { return {listed_file(path_)}; }

 private:
  bool multi_label() const { return columns_ > 0; }

  /// A column of class numbers, (N, 1), and one-hot rows become class numbers (N).
  void take_one_class_each(const DatasetOptions& options) {
    const int64_t columns = columns_;
    if (columns == 1) columns_ = 0;
    if (columns < 2) return;
    std::vector<int64_t> classes;
    for (auto row = labels_.begin(); row != labels_.end(); row += columns) {
      const auto one = std::find(row, row + columns, 1);
      if (std::count(row, row + columns, 0) != columns - 1 || one == row + columns) return;
      classes.push_back(one - row);
    }
    check_columns(options);
    for (int64_t c = static_cast<int64_t>(class_names_.size()); c < columns; ++c)
      class_names_.push_back(std::to_string(c));
    labels_ = std::move(classes);
    columns_ = 0;
  }

  void check_columns(const DatasetOptions& options) const {
    const bool named = !class_names_.empty();
    const int64_t classes = named ? num_classes() : options.num_classes;
    if (classes == 0 || classes == columns_) return;
    throw base::DataError(
        path_,
        "found /labels of " + std::to_string(columns_) + " classes, expected " +
            std::to_string(classes),
        named ? "correct /class_names"
              : "write as many columns, or correct model.num_classes before training");
  }

  void read(int64_t i, Image& image) const {
    image.reshape(file_.height(), file_.width(), file_.channels());
    if (pixels_.empty()) return file_.read_images(i, 1, image.pixels);
    const size_t bytes = image.pixels.size();
    std::memcpy(image.pixels.data(), pixels_.data() + static_cast<size_t>(i) * bytes, bytes);
  }

  [[noreturn]] void refuse(int64_t index, const std::string& expected,
                           const std::string& remedy) const {
    const int64_t columns = std::max<int64_t>(1, columns_);
    throw base::DataError(path_,
                          "found the label " + std::to_string(labels_[static_cast<size_t>(index)]) +
                              " of image " + std::to_string(index / columns) + ", expected " +
                              expected,
                          remedy);
  }

  /// Checks the labels against the number of classes, and names classes the file does not name.
  void take_labels(const DatasetOptions& options) {
    const bool named = !class_names_.empty();
    int64_t classes = named ? static_cast<int64_t>(class_names_.size()) : options.num_classes;
    if (multi_label()) {
      for (size_t i = 0; i < labels_.size(); ++i)
        if (labels_[i] != 0 && labels_[i] != 1)
          refuse(static_cast<int64_t>(i), "0 or 1 for each class of /labels (N, classes)",
                 "correct /labels, or make it (N), one class per image");
      check_columns(options);
      classes = columns_;
    } else {
      const int64_t most = classes != 0 ? classes : kMaxClasses;
      for (size_t i = 0; i < labels_.size(); ++i)
        if (labels_[i] < 0 || labels_[i] >= most)
          refuse(static_cast<int64_t>(i), "0 … " + std::to_string(most - 1),
                 named ? "correct /labels or /class_names" : "correct /labels");
      if (classes == 0) classes = classes_from_labels();
    }
    for (int64_t c = static_cast<int64_t>(class_names_.size()); c < classes; ++c)
      class_names_.push_back(std::to_string(c));
  }

  /// Where only the labels determine the number of classes, they must not skip a class.
  int64_t classes_from_labels() const {
    const auto largest = std::max_element(labels_.begin(), labels_.end());
    std::vector<bool> seen(static_cast<size_t>(*largest) + 1);
    for (const int64_t label : labels_) seen[static_cast<size_t>(label)] = true;
    const auto missing = std::find(seen.begin(), seen.end(), false);
    if (missing != seen.end())
      refuse(largest - labels_.begin(),
             "every class from 0 on, but no image is of class " +
                 std::to_string(missing - seen.begin()),
             "correct /labels, set model.num_classes, or list the names as /class_names");
    return static_cast<int64_t>(seen.size());
  }

  std::string path_;
  files::ThirdPartyHdf5 file_;
  int64_t channels_;
  int64_t columns_ = 0;          // of labels_; 0: one class per image
  std::vector<int64_t> labels_;  // (N) or (N, columns)
  std::vector<uint8_t> pixels_;  // all images, or empty
};

}  // namespace

std::unique_ptr<Dataset> open_hdf5(const DatasetOptions& options) {
  return std::make_unique<Hdf5Dataset>(options);
}

}  // namespace swin::data
