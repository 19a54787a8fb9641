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
  /// Of a detector: a file NAME.json for what it found, as COCO's results; the objects that it was
  /// compared with go to NAME_truth.json.
  std::optional<std::string> write_detections = {};
  /// A folder for what trainers/report/evaluation_folder.h writes.
  std::optional<std::string> output = {};
  /// Of a classifier: a CSV file for the answer about each image (prediction_file.h).
  std::optional<std::string> predictions = {};
  /// Of a classifier: average the probabilities of each image and its mirror image.
  bool flip = false;
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
    int64_t objects = -1;  ///< true ones of a set of objects, crowds not counted; else −1
  };
  std::vector<OfClass> per_class;
  /// Of a classifier with one class an image (tasks/class_metrics.h).
  std::vector<tasks::ConfusionEntry> confusion;
  std::vector<tasks::CalibrationBin> calibration;
  /// What each kind of error costs, by TIDE's rules (tasks/detection/errors.h).
  tasks::Metrics errors;
  double images_per_second = 0;
  base::Json data;  ///< what data::summary_json says of the set
};

/// Says on stderr what the set holds, how its classes were matched (classes.h) and which images
/// cannot be read.
/// @throws WeightError on a bad checkpoint; UsageError on a bad set or list of classes, or without
///   a data set, or with an option for models of another kind; DataError if no image can be
///   read, or naming the classes that the checkpoint does not know; DiskError.
EvaluateResult evaluate(const EvaluateOptions& options);

/// images, the metrics by name, per_class: [{class_name, objects, …}] where there are any,
/// confusion_matrix of a classifier: a row of counts for each label, of more than 100 classes
/// {entries: [[label, prediction, count], …]}, and calibration: [{lower, upper, count, confidence,
/// accuracy}],
/// errors: {box_dAP_Cls, …} of a detector,
/// images_per_second, bad_images, bad: [{path, error}], data.
base::Json to_json(const EvaluateResult& result);

/// {name: value, …}.
base::Json metrics_json(const tasks::Metrics& metrics);

}  // namespace swin::trainers
