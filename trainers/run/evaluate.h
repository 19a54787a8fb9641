// Evaluates a checkpoint on a data set; everything except the images comes from the checkpoint.
#pragma once
#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "base/json.h"

namespace swin::trainers {

struct EvaluateOptions {
  std::string checkpoint;
  /// An image folder (one folder per class), another data set whose path gives its format, or a
  /// folder with files of the stored data set's format. Empty: data.test of the stored config, else
  /// data.validation.
  std::string data;
  /// `path.to.field=value` texts applied to the stored config (data.test.path=…, trainer.…).
  std::vector<std::string> sets;
  bool quiet = false;
};

struct EvaluateResult {
  int64_t images = 0;  ///< every image of the set, once
  /// Of the task (tasks/task_table.h), in its order.
  std::vector<std::pair<std::string, double>> metrics;
  double images_per_second = 0;
  /// The checkpoint has only numbers for its classes (converted weights), so that the classes of
  /// the data set were matched by their order (alphabetical for folders).
  bool classes_by_order = false;
};

/// Classes are matched by name, in any order, or by index if the checkpoint has no names and
/// the counts agree.
/// @throws WeightError on a bad checkpoint; UsageError on a bad set or without a data set;
///   DataError naming an image that cannot be read, or the classes in which data set and checkpoint
///   differ.
EvaluateResult evaluate(const EvaluateOptions& options);

/// images, the metrics by name, images_per_second.
base::Json to_json(const EvaluateResult& result);

}  // namespace swin::trainers
