// Writes objects as COCO's JSON has them: images, annotations and categories, and results of a
// detector. Every number is written so that reading gives its bits back.
// Source: https://cocodataset.org, "Data format" and "Results format".
#pragma once
#include <cstdint>
#include <string>

#include "base/json.h"
#include "base/size2.h"
#include "data/annotation.h"
#include "data/coco_file.h"

namespace swin::data {

/// {"size": [height, width], "counts": "…"}.
base::Json runs_json(const RunLengths& runs);

/// The list of a set. Entries stand in the order in which they were added, each on a line.
class CocoWriter {
 public:
  void add_image(const CocoId& id, const std::string& file_name, const base::Size2& size);
  /// The objects of an image; their ids count from 1 on.
  /// @param size of the image; crowds that are polygons are drawn, as COCO has runs for them.
  void add_object(const Object& object, const CocoId& image, int64_t category,
                  const base::Size2& size);
  void add_category(int64_t id, const std::string& name);
  int64_t num_objects() const { return num_objects_; }
  std::string text() const;

 private:
  std::string images_, annotations_, categories_;
  int64_t num_objects_ = 0;
};

/// What a detector found.
class CocoResultsWriter {
 public:
  /// @param mask null without one
  void add(const CocoId& image, int64_t category, const BoundingBox& box, double score,
           const RunLengths* mask);
  std::string text() const;

 private:
  std::string results_;
};

}  // namespace swin::data
