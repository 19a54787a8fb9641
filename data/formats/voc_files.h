// Which files of a folder of Pascal VOC belong together, and to a split.
#pragma once
#include <string>
#include <vector>

#include "data/dataset.h"
#include "data/formats/folder_files.h"
#include "data/formats/passed_over.h"

namespace swin::data {

/// The files of one image, with paths below the root; without a path there is none.
struct VocItem {
  FolderFile image;       ///< a size of −1: there is no such file
  FolderFile annotation;  ///< .xml
  FolderFile objects;     ///< SegmentationObject/NAME.png
  FolderFile classes;     ///< SegmentationClass/NAME.png
};

struct VocFiles {
  std::vector<VocItem> items;  ///< of the split, sorted by name; those of lists in their order
  std::vector<FolderFile> annotations;  ///< of all splits
  PassedOverList passed_over;
};

/// Lists a set. The names of a split are those of ImageSets/Main/SPLIT.txt, of
/// ImageSets/Segmentation or of ImageSets itself, those of Segmentation first where masks or label
/// maps are wanted; without lists they are those of all annotation files, or of the images in the
/// folder of the split.
/// @throws DataError: without annotation files or images, for lists of a wrong form, and as
///     chosen_split.
VocFiles list_voc(const DatasetOptions& options);

bool holds_voc(const std::string& folder);
/// The splits that a folder has lists or folders of.
std::vector<Split> voc_splits(const std::string& folder);

}  // namespace swin::data
