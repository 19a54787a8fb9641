// Data sets that tests open.
#pragma once
#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <vector>

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

/// What a set passed over, by reason; the names without their first `skipped` bytes.
inline std::map<std::string, std::vector<std::string>> passed_over_of(const Dataset& dataset,
                                                                      size_t skipped) {
  std::map<std::string, std::vector<std::string>> all;
  for (const PassedOver& passed : dataset.passed_over())
    for (const std::string& name : passed.names) all[passed.reason].push_back(name.substr(skipped));
  return all;
}

}  // namespace swin::data
