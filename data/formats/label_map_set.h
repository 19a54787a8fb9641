// Image files, each with a PNG whose samples are the classes of its pixels: label_maps, ade20k and
// cityscapes differ in where these files lie.
#pragma once
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "data/formats/encoded_dataset.h"
#include "data/formats/folder_files.h"
#include "data/formats/passed_over.h"

namespace swin::data {

class LabelMapSet : public ListedDataset {
 public:
  AnnotationKind annotation_kind() const override { return AnnotationKind::label_map; }
  /// @throws DataError naming the file of the label map, the value and its place.
  Annotation annotation(int64_t i) const override;
  int64_t stratum(int64_t) const override { return 0; }
  std::string name(int64_t i) const override {
    return root_ + std::string(names_[static_cast<size_t>(i)]);
  }
  /// The images, then their label maps.
  std::vector<ListedFile> files() const override;
  const LabelValues* label_values() const override { return &*values_; }
  std::vector<uint16_t> read_label_values(int64_t i) const override;

 protected:
  explicit LabelMapSet(const DatasetOptions& options);

  /// Adds an image and its label map, with paths below the root.
  void add(const FolderFile& image, const FolderFile& map);
  /// Where images and label maps lie: the paths below their folders are equal without the ends.
  struct Layout {
    std::string images, maps;                  ///< below the root, with a slash at the end
    std::string image_end = {}, map_end = {};  ///< of the names, before .png and the like
  };
  /// Adds the images that have a label map; the others, and label maps without an image, are passed
  /// over. With a `map_end`, other files beside the label maps are other annotations.
  void add_folders(const Layout& layout);
  /// What the values mean, and the fingerprint.   @param names of the classes; empty: numbers, as
  /// many as the options say, else as the files have.   @throws DataError where no image was added.
  void finish(std::vector<std::string> names, bool reduce_zero_label);

  const std::string root_;  // of the set, as the user gave it, with a slash at the end
  const bool follow_links_;
  PassedOverList passed_;

 private:
  struct Values {
    int64_t height, width;
    std::vector<uint16_t> values;
    std::string name;  // of the file
  };
  Values read(int64_t i) const;
  int64_t largest_class(const LabelValues& values) const;

  const std::vector<Color> colors_;
  const int64_t ignore_index_, num_classes_;
  std::optional<LabelValues> values_;
  TextList maps_;
  std::vector<uint32_t> map_sizes_;
};

}  // namespace swin::data
