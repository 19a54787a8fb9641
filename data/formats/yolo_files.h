// Which files of a YOLO set belong together, and to a split.
#pragma once
#include <string>
#include <vector>

#include "data/dataset.h"
#include "data/formats/folder_files.h"
#include "data/formats/passed_over.h"

namespace swin::data {

struct YoloFiles {
  struct Item {
    FolderFile image;
    FolderFile labels;  ///< without a path: there is none
  };
  std::string root;  ///< paths are below it, or begin with ../
  std::vector<Item> items;
  std::vector<std::string> names;  ///< of the classes; empty where nothing tells
  PassedOverList passed_over;
  std::vector<std::string> warnings;
};

/// Lists a set: that of a data.yaml, as ultralytics finds its files, or a folder with images/ and
/// labels/ (in front or behind of the folders of splits) or with both in one folder. The labels of
/// a/images/b/c.jpg are a/labels/b/c.txt.
/// @param options the path is the file or a folder with it.
/// @throws DataError as read_yolo_data_file and chosen_split, and for paths where nothing is.
YoloFiles list_yolo(const DatasetOptions& options);

bool holds_yolo(const std::string& folder);
/// The splits of a folder or a data.yaml.
std::vector<Split> yolo_splits(const std::string& path);

}  // namespace swin::data
