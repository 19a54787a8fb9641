// Data sets that tests open.
#pragma once
#include <cstdint>
#include <memory>
#include <string>

#include "data/formats/formats.h"

namespace swin::data {

inline DatasetOptions dataset_options(const std::string& format, const std::string& path = "",
                                      int64_t channels = 3) {
  DatasetOptions options;
  options.format = format;
  options.path = path;
  options.channels = channels;
  return options;
}

/// Opens `path` in the format that is recognized by it.
inline std::unique_ptr<Dataset> open_path(const std::string& path) {
  return open_dataset(dataset_options(format_of_path(path), path));
}

}  // namespace swin::data
