// What check_dataset counts of label maps and objects.
#pragma once
#include <cstdint>
#include <map>
#include <utility>
#include <vector>

#include "data/check.h"
#include "data/dataset.h"
#include "data/formats/passed_over.h"

namespace swin::data {

/// Of one image.
struct AnnotationCounts {
  struct OfClass {
    int64_t index = 0, pixels = 0, objects = 0, crowds = 0;
  };
  std::vector<std::pair<uint16_t, int64_t>> values;  ///< in the file of a label map, and pixels
  std::vector<OfClass> classes;
  bool has_objects = false;  ///< the annotation is Objects, maybe none
  int64_t objects = 0, without_mask = 0, small = 0, medium = 0, large = 0;
  std::vector<PassedOver> left_out;
};

/// Reads and counts the annotation of an image; nothing of sets with classes of whole images.
/// @param size of the loaded image.   @throws DataError where it cannot be read, or is for an image
/// of another size; the values are counted even then.
void count_annotation(const Dataset& dataset, int64_t i, const base::Size2& size,
                      AnnotationCounts& counts);

/// Adds the counts of images up.
class AnnotationTotals {
 public:
  AnnotationTotals(const Dataset& dataset, DataCheck& check) : dataset_(dataset), check_(check) {}
  void add(const AnnotationCounts& counts);
  void finish();

 private:
  const Dataset& dataset_;
  DataCheck& check_;
  std::map<uint16_t, DataCheck::Value> values_;
  PassedOverList left_out_;
};

}  // namespace swin::data
