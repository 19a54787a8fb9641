#include "data/formats/format_table.h"

namespace swin::data {

std::span<const FormatRow> format_rows() {
  static constexpr FormatRow kRows[] = {
      {"image_folder", PathKind::folder, false}, {"cifar10", PathKind::folder, true},
      {"cifar100", PathKind::folder, true},      {"mnist", PathKind::folder, true},
      {"hdf5", PathKind::file, false},           {"manifest", PathKind::file, false},
      {"webdataset", PathKind::shards, false},   {"packed", PathKind::file, false},
      {"synthetic", PathKind::none, true},
  };
  return kRows;
}

}  // namespace swin::data
