// What one evaluation says, as a folder of JSON, tables and pictures.
#pragma once
#include <cstdint>
#include <filesystem>
#include <span>
#include <string>
#include <vector>

#include "base/json.h"
#include "trainers/report/evaluation_report.h"
#include "trainers/report/run_listener.h"

namespace swin::trainers {

/// Up to so many classes a confusion matrix is dense and drawn; beyond, its entries are listed.
inline constexpr int64_t kMostDrawnClasses = 100;

/// Rows of labels, columns of predictions: (classes, classes).
std::vector<int64_t> dense_matrix(std::span<const tasks::ConfusionEntry> entries, int64_t classes);

/// A row of counts for each label, or {entries: [[label, prediction, count], …]} of more than
/// kMostDrawnClasses.
base::Json matrix_json(std::span<const tasks::ConfusionEntry> entries, int64_t classes);
/// {lower, upper, count, confidence, accuracy} of each bin.
base::Json bins_json(std::span<const tasks::CalibrationBin> bins);
/// [[label, prediction, count], …].
base::Json entries_json(std::span<const tasks::ConfusionEntry> entries);
/// The value of a metric of a class; those that count images are integers.
base::Json class_metric_json(const std::string& metric, double value);

/// Writes these files, and removes what else was in the folder:
///   evaluation.json       step, epoch, set, images, bad_images, metrics: {name: value}, classes,
///                         per_class: [{class_name, …}], confusion_matrix: {entries: [[label,
///                         prediction, count], …]}, calibration: {ece, bins: […]}, worst: [{file,
///                         caption, label, prediction, probability, loss, picture}], answers:
///                         [{file, caption, picture}]; without the keys of what a task has not
///   per_class.csv         the metrics of each class; empty where a class has none
///   confusion_matrix.csv  with the names of the classes; of more than kMostDrawnClasses the rows
///                         label, prediction, count
///   most_confused.csv     the 50 pairs of different classes that are confused most often
///   confusion_matrix.svg  up to kMostDrawnClasses
///   reliability.svg       accuracy over confidence
///   worst/01.png …, answers/01.png …
/// Equal reports give equal bytes. Replaced as a whole (files::AtomicDirectory).
/// @throws DiskError.
void write_evaluation(const EvaluationReport& report, const std::filesystem::path& folder);

/// Throws a UsageError where `folder` has files that write_evaluation would remove though it does
/// not write such files, a DiskError where it cannot be written.   @param where "--output"
void require_evaluation_folder(const std::string& where, const std::filesystem::path& folder);

/// Writes RUN/evaluation after each evaluation of a run.
class EvaluationListener : public RunListener {
 public:
  /// @throws DiskError where the folder cannot be written: before a step is lost by it.
  explicit EvaluationListener(std::filesystem::path folder);
  void evaluated(const EpochReport& report) override {
    if (report.evaluation) write_evaluation(*report.evaluation, folder_);
  }

 private:
  std::filesystem::path folder_;
};

}  // namespace swin::trainers
