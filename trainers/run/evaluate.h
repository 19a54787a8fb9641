// Evaluates a checkpoint on a data set; everything except the images comes from the checkpoint.
#pragma once
#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "base/json.h"
#include "trainers/run/evaluation.h"

namespace swin::trainers {

struct EvaluateOptions {
  std::string checkpoint;
  /// An image folder (one folder per class), another data set whose path gives its format, or a
  /// folder with files of the stored data set's format. Empty: data.test of the stored config, else
  /// data.validation.
  std::string data;
  /// `path.to.field=value` texts applied to the stored config (data.test.path=…, trainer.…).
  std::vector<std::string> sets;
  /// A text file with the names of the checkpoint's classes, one a line in the order of its head,
  /// instead of those it has.
  std::optional<std::string> classes = {};
  /// Leaves out the images of classes that the checkpoint does not know; also where the stored
  /// config says so (data.ignore_unknown_classes).
  bool ignore_unknown_classes = false;
  bool quiet = false;
};

struct EvaluateResult {
  int64_t images = 0;  ///< that were measured, once each
  /// Images that cannot be read; they are left out.
  std::vector<Measured::Bad> bad;
  /// Of the task (tasks/task_table.h), in its order.
  std::vector<std::pair<std::string, double>> metrics;
  /// Those of each class, where the task has any.
  struct OfClass {
    std::string class_name;
    tasks::Metrics metrics;
  };
  std::vector<OfClass> per_class;
  double images_per_second = 0;
  base::Json data;  ///< what data::summary_json says of the set
};

/// Says on stderr what the set holds, how its classes were matched (classes.h) and which images
/// cannot be read.
/// @throws WeightError on a bad checkpoint; UsageError on a bad set or list of classes, or without
/// a
///   data set; DataError if no image can be read, or naming the classes that the checkpoint does
///   not know.
EvaluateResult evaluate(const EvaluateOptions& options);

/// images, the metrics by name, per_class: [{class_name, …}] where there are any,
/// images_per_second, bad_images, bad: [{path, error}], data.
base::Json to_json(const EvaluateResult& result);

}  // namespace swin::trainers
