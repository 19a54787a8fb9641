// What a detector found in a data set, and the objects of the set, as COCO's JSON: other programs
// compute the metrics of these files.
#pragma once
#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "data/coco_writer.h"
#include "data/dataset.h"
#include "tasks/task.h"

namespace swin::trainers {

class DetectionFiles {
 public:
  /// @param results the file of the results; that of the objects has the same name with _truth.
  /// @param classes the model's class of each class of the set, −1 where it has none; empty: they
  ///     are the same
  /// @param names of the model's classes
  /// @throws UsageError unless the name ends in .json; DiskError if nothing can be written there.
  DetectionFiles(const std::string& results, const data::Dataset& set,
                 std::span<const int64_t> classes, const std::vector<std::string>& names);
  /// Adds image i of the set: its objects, with the model's classes, and what was found in it.
  void add(int64_t i, const data::Objects& objects, std::span<const tasks::Detected> found);
  /// @throws DiskError.
  void write() const;

  const std::string& results_path() const { return results_path_; }
  const std::string& truth_path() const { return truth_path_; }

 private:
  std::string results_path_, truth_path_;
  const data::Dataset& set_;
  std::vector<int64_t> category_ids_;  // of the model's classes
  data::CocoWriter truth_;
  data::CocoResultsWriter results_;
};

}  // namespace swin::trainers
