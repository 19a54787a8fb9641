// Data sets whose images are image files, in folders or inside a larger file.
#pragma once
#include <algorithm>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "data/dataset.h"

namespace swin::data {

class EncodedDataset : public Dataset {
 public:
  explicit EncodedDataset(const DatasetOptions& options)
      : channels_(options.channels), decode_(options.decode) {}
  bool holds_files() const override { return true; }
  void load(int64_t i, Image& image) const override;
  void decode(int64_t i, std::span<const uint8_t> bytes, Image& image) const override {
    decode_image(bytes, name(i), channels_, image, decode_);
  }
  using Dataset::size;
  base::Size2 size(int64_t i) const override;

 private:
  const int64_t channels_;
  const DecodeOptions decode_;
};

/// A text, such as the ending ".JPG", in lower case.
std::string lower_case(std::string_view text);
/// Whether a canonical path is `folder` or lies in it.
bool is_inside(const std::string& path, const std::string& folder);
/// Whether files with this ending, in lower case, are taken as images without a look at them;
/// decoding tells what they really are.
bool is_image_ending(const std::string& ending);
/// These endings, for messages: ".jpg, .jpeg, … or .tiff".
std::string image_endings();

/// Reads a part of a file. @param name used in errors.
std::span<const uint8_t> read_bytes(const std::string& path, int64_t offset, int64_t size_bytes,
                                    const std::string& name, std::vector<uint8_t>& memory);

/// Reads a whole file. @throws DataError naming it.
std::span<const uint8_t> read_file(const std::string& path, std::vector<uint8_t>& memory);

/// The kind of a file by its first bytes; nothing if it cannot be opened. A pipe or device is no
/// image.
std::optional<ImageKind> kind_of_file(const std::string& path);

/// Texts stored one after the other in one block of memory: 9 bytes per text besides its own.
class TextList {
 public:
  size_t size() const { return begins_.size(); }
  void push_back(std::string_view front, std::string_view back = {}) {
    begins_.push_back(texts_.size());
    texts_.append(front).append(back).push_back('\0');
  }
  std::string_view operator[](size_t i) const { return texts_.data() + begins_[i]; }
  /// Releases unused memory.
  void shrink() {
    texts_.shrink_to_fit();
    begins_.shrink_to_fit();
  }
  /// Reorders the texts from `first` on: text first + i becomes text indices[i].
  void reorder(size_t first, const std::vector<uint32_t>& indices) {
    std::vector<uint64_t> begins(indices.size());
    for (size_t i = 0; i < indices.size(); ++i) begins[i] = begins_[indices[i]];
    std::copy(begins.begin(), begins.end(), begins_.begin() + static_cast<std::ptrdiff_t>(first));
  }

 private:
  std::string texts_;
  std::vector<uint64_t> begins_;
};

/// Image files with a list of their names and, one class each, of their labels.
class ListedDataset : public EncodedDataset {
 public:
  using EncodedDataset::EncodedDataset;
  using EncodedDataset::size;
  int64_t size() const override { return static_cast<int64_t>(names_.size()); }
  Annotation annotation(int64_t i) const override {
    return OneClass{labels_[static_cast<size_t>(i)]};
  }
  /// Of a set whose names are the paths of its files.
  std::span<const uint8_t> encoded(int64_t i, std::vector<uint8_t>& memory) const override;
  std::vector<ListedFile> files() const override;

 protected:
  /// Adds the size of the next file for files(); -1: there is no such file.
  void add_size(int64_t size_bytes);
  /// Releases unused memory.
  void shrink() {
    names_.shrink();
    labels_.shrink_to_fit();
    sizes_.shrink_to_fit();
  }
  TextList names_;               // of the files, below their folder or in their archive
  std::vector<int32_t> labels_;  // class indices
  // In bytes, of the files in names_. 4 GB and more is no image that is read: kept as kHuge.
  static constexpr uint32_t kHuge = UINT32_MAX - 1, kMissing = UINT32_MAX;
  std::vector<uint32_t> sizes_;
};

}  // namespace swin::data
