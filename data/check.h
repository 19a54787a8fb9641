// What a data set contains, found by decoding every image.
#pragma once
#include <cstdint>
#include <functional>
#include <string>
#include <utility>
#include <vector>

#include "base/size2.h"
#include "data/annotation.h"
#include "data/dataset.h"

namespace swin::data {

struct DataCheck {
  struct Class {
    std::string name;
    /// Images of the class, or with it; of classes of whole images including the bad ones.
    int64_t images = 0, bad = 0;
    int64_t pixels = 0;               ///< of label maps
    int64_t objects = 0, crowds = 0;  ///< crowds are no objects
  };
  /// A value in the files of label maps.
  struct Value {
    uint16_t value = 0;
    int64_t pixels = 0, images = 0;
    uint16_t meaning = 0;  ///< a class, LabelMap::kIgnored or LabelValues::kBeyond
  };
  struct ObjectCounts {
    int64_t objects = 0, crowds = 0, without_mask = 0;
    int64_t small = 0, medium = 0, large = 0;  ///< areas up to 32², up to 96², above
    int64_t most = 0;                          ///< in one image
    /// Images without an object, and with more than 100, which COCO's metrics do not look at.
    int64_t empty_images = 0, crowded_images = 0;
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
  AnnotationKind kind = AnnotationKind::none;
  int64_t turned = 0;         ///< images whose EXIF data ask to turn or mirror them
  std::vector<Value> values;  ///< ascending; of label maps that are files
  ObjectCounts objects;
  std::vector<PassedOver> left_out;                  ///< of the annotations, by reason
  std::vector<Bad> bad;                              ///< in the order of the set
  std::vector<std::vector<std::string>> duplicates;  ///< names of files with equal bytes
};

/// Reads and decodes every image and reads its annotation, on all threads.
/// @param progress gets the number of images done, from any thread, one call at a time.
DataCheck check_dataset(const Dataset& dataset, const std::function<void(int64_t)>& progress = {});

}  // namespace swin::data
