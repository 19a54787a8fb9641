// Tar shards of images and labels, as the package webdataset writes them.
#pragma once
#include <memory>
#include <string>
#include <vector>

#include "data/dataset.h"

namespace swin::data {

/// Reads the index and the labels of every shard, and no image.
/// @throws DataError naming the shard; UsageError for a wrong pattern.
std::unique_ptr<Dataset> open_webdataset(const DatasetOptions& options);

/// The shards that a path with a range in braces names: "a-{08..10}.tar" names three.
/// @throws UsageError for other braces.
std::vector<std::string> shard_paths(const std::string& pattern);
/// Refuses a path that is not a valid pattern of shards. @throws UsageError, always.
[[noreturn]] void refuse_pattern(const std::string& pattern, const std::string& expected);

}  // namespace swin::data
