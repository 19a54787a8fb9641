// What a data set contains, found by decoding every image.
#pragma once
#include <cstdint>
#include <functional>
#include <string>
#include <utility>
#include <vector>

#include "base/size2.h"
#include "data/dataset.h"

namespace swin::data {

struct DataCheck {
  struct Class {
    std::string name;
    int64_t images = 0, bad = 0;  ///< `images` includes the bad ones
  };
  struct Bad {
    std::string name, error;
  };
  int64_t images = 0;
  int64_t bytes = 0;  ///< of the files; of sets without files, of the loaded pixels
  std::vector<Class> classes;
  /// Images of each kind, such as "JPEG RGB" or "PNG P" ("pixels" in sets without files), the most
  /// frequent first.
  std::vector<std::pair<std::string, int64_t>> modes;
  /// (height, width) of the images with the fewest and the most pixels, and the median of each.
  base::Size2 smallest{}, largest{}, median{};
  std::vector<Bad> bad;                              ///< in the order of the set
  std::vector<std::vector<std::string>> duplicates;  ///< names of files with equal bytes
};

/// Reads and decodes every image, on all threads.
/// @param progress gets the number of images done, from any thread, one call at a time.
DataCheck check_dataset(const Dataset& dataset, const std::function<void(int64_t)>& progress = {});

}  // namespace swin::data
