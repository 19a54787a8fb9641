// Image files, each with a file of its objects: voc and yolo differ in where these files lie and in
// what they hold.
#pragma once
#include <atomic>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "data/formats/encoded_dataset.h"
#include "data/formats/folder_files.h"
#include "data/formats/passed_over.h"

namespace swin::data {

class ObjectFileSet : public ListedDataset {
 public:
  using ListedDataset::size;
  AnnotationKind annotation_kind() const override { return kind_; }
  /// Objects, or the label map of their masks.
  /// @throws DataError naming the file.
  Annotation annotation(int64_t i) const override;
  std::vector<PassedOver> left_out(int64_t i) const override;
  int64_t stratum(int64_t) const override { return 0; }
  std::string name(int64_t i) const override;
  /// Of its header, which is read once, or as its file of objects has it.
  base::Size2 size(int64_t i) const override;
  int64_t num_objects(int64_t i) const override { return num_objects_[static_cast<size_t>(i)]; }
  /// The images, then the files of their objects, then of their masks.
  std::vector<ListedFile> files() const override;

 protected:
  /// @param root folder of the set, for the paths of its files.
  ObjectFileSet(const DatasetOptions& options, const std::string& root);

  struct Entry {
    FolderFile image;       ///< paths below the root; a size of −1: there is no such file
    FolderFile objects;     ///< without a path: there is none, and the image has no object
    FolderFile masks = {};  ///< of these objects; without a path: there is none
  };
  /// What the set says of an image without reading it again.
  struct Scan {
    int64_t objects = 0;    ///< without crowds
    base::Size2 size = {};  ///< of the image; 0: its header tells
    int64_t largest_class = -1;
    int64_t odd = 0;  ///< what the format warns of, counted
    std::vector<std::pair<std::string, std::string>> passed_over = {};  ///< reason and name
  };

  void add(Entry entry) { entries_.push_back(std::move(entry)); }
  int64_t num_entries() const { return std::ssize(entries_); }
  /// Reads all files once, in parallel, passes over images without objects unless they are kept,
  /// and computes the fingerprint.   @return the sum of Scan::odd.
  /// @throws DataError: of several files the first.
  int64_t finish();

  /// @param text of the file of objects, empty where there is none.
  virtual Scan scan(const Entry& entry, std::string_view text) const = 0;
  /// Sets class_names_, of objects, where scanning is needed to know them.
  virtual void name_classes(int64_t /*largest_class*/) {}
  /// Adds the objects of an image to `all`, which has the size of the image.
  /// @param path of the file of objects.
  virtual void read(int64_t i, std::string_view text, const std::string& path, Objects& all,
                    PassedOverList& left_out) const = 0;
  /// (height, width), by the header of the file.
  virtual base::Size2 measure(int64_t i) const { return ListedDataset::size(i); }

  std::string path_of(const std::string& below) const;

  const std::string root_;  // with a slash at the end
  const AnnotationKind kind_;
  const bool keep_empty_, follow_links_;
  PassedOverList passed_;
  TextList object_files_, mask_files_;  // of the images; empty where there is none

 private:
  Objects read_objects(int64_t i, PassedOverList& left_out) const;

  std::vector<Entry> entries_;
  std::vector<int64_t> object_bytes_, mask_bytes_;
  std::vector<uint32_t> num_objects_;
  // Height and width, 32 bits each; 0: not read yet. Whoever reads it first stores it.
  mutable std::vector<std::atomic<uint64_t>> known_sizes_;
};

/// The text of a small file. @throws DataError naming it, where it is larger than `most_bytes`.
std::string_view read_text(const std::string& path, int64_t most_bytes,
                           std::vector<uint8_t>& memory);

}  // namespace swin::data
