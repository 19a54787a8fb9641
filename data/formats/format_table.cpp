#include "data/formats/format_table.h"

namespace swin::data {

std::span<const FormatRow> format_rows() {
  static constexpr FormatRow kRows[] = {
      {"image_folder", PathKind::folder, Splits::none},
      {"cifar10", PathKind::folder, Splits::train_test},
      {"cifar100", PathKind::folder, Splits::train_test},
      {"mnist", PathKind::folder, Splits::train_test},
      {"hdf5", PathKind::file, Splits::none},
      {"manifest", PathKind::file, Splits::none},
      {"webdataset", PathKind::shards, Splits::none},
      {"packed", PathKind::file, Splits::none},
      {"synthetic", PathKind::none, Splits::train_test, true},
      {"label_maps", PathKind::folder, Splits::optional_folders},
      {"ade20k", PathKind::folder, Splits::folders},
      {"cityscapes", PathKind::folder, Splits::folders},
      {"coco", PathKind::file, Splits::none},
      {"instance_masks", PathKind::folder, Splits::optional_folders},
      {"voc", PathKind::folder, Splits::optional_folders},
      {"yolo", PathKind::folder_or_file, Splits::optional_folders},
      {"fashion_scenes", PathKind::folder, Splits::train_test, true},
  };
  return kRows;
}

const FormatRow* format_row(std::string_view name) {
  for (const FormatRow& row : format_rows())
    if (name == row.name) return &row;
  return nullptr;
}

}  // namespace swin::data
