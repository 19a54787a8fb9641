// What a classifier answers about each image of a set, as a CSV file.
#pragma once
#include <cstdint>
#include <string>
#include <vector>

#include "data/dataset.h"
#include "files/atomic_file.h"
#include "tasks/task.h"
#include "trainers/run/evaluation.h"

namespace swin::trainers {

/// A row for each image that was measured, in the order of the set: file, label, prediction, and
/// the probability of each class, in columns p(NAME). Of more than kMostColumns classes the
/// kMostListed most probable ones: class_1, probability_1, … With any number of classes an image:
/// labels and predictions, with ";" between them, as in a list of images.
class PredictionFile {
 public:
  static constexpr size_t kMostColumns = 1000, kMostListed = 20;
  /// @param names of the model's classes   @param several any number of classes an image
  /// @throws DiskError if nothing can be written there.
  PredictionFile(const std::string& path, const data::Dataset& set,
                 const std::vector<std::string>& names, bool several);
  /// @param answers of the batch's images. @throws DiskError.
  void add(const MeasuredBatch& done, const std::vector<tasks::Answer>& answers);
  /// The last call. @throws DiskError.
  void finish() { file_.put_into_place(); }

 private:
  std::string names_of(const std::vector<int64_t>& classes) const;

  const data::Dataset& set_;
  const std::vector<std::string>& names_;
  files::AtomicFile file_;
};

}  // namespace swin::trainers
