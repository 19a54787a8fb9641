// One pass over a data set without gradients, for training and for `evaluate`.
#pragma once
#include <cstdint>
#include <functional>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "data/loader.h"
#include "tasks/task.h"
#include "trainers/config/config.h"
#include "trainers/run/evaluation_pictures.h"
#include "trainers/run/inference.h"

namespace swin::trainers {

/// Loader options for whole passes in the order of the data set, the last batch included. A batch,
/// the images of one forward, is trainer.micro_batch_size, else batch_size; at most the size of the
/// set.
data::LoaderOptions evaluation_loader(const Config& config, const data::Dataset& dataset);

/// The model's class for each class of a data set; −1 of pixels that are ignored.
struct LabelMap {
  std::span<const int64_t> classes = {};  ///< empty: they are the same
  bool rows = false;                      ///< labels are rows of 0 and 1 (has_label_rows)
};

struct Measured {
  tasks::Metrics metrics;
  std::vector<tasks::Metrics> per_class;         ///< of the model's classes, where the task has any
  tasks::Metrics errors;                         ///< if they were watched, where the task tells any
  std::vector<tasks::ConfusionEntry> confusion;  ///< of tasks with one class an image
  std::vector<tasks::CalibrationBin> calibration;         ///< of these, too
  std::vector<EvaluationReport::Picture> worst, answers;  ///< if there are MeasureMore::pictures
  int64_t images = 0;                                     ///< that the metrics are of
  struct Bad {
    std::string name, error;
  };
  std::vector<Bad> bad;  ///< images that cannot be read, in the order of the set
  int64_t all() const { return images + std::ssize(bad); }
};

/// What was computed for a batch, row k of image indices[k] of the data set.
struct MeasuredBatch {
  const tasks::Outputs& outputs;
  const data::Batch& batch;  ///< with the model's classes
  std::span<const int64_t> indices;
  std::span<const tasks::Judged> judged;  ///< of each image, where they have classes
};

/// What a pass does besides the metrics.
struct MeasureMore {
  bool errors = false;  ///< tasks::Meter::watch_errors
  /// Each image is also computed mirrored left to right, and the probabilities of both are averaged
  /// (Task::mean_of).
  bool flip = false;
  /// Runs the forwards; null: they take the memory that the pool has from training.
  Inference* inference = nullptr;
  std::optional<PictureOptions> pictures = {};
  std::function<void(const MeasuredBatch&)> batch_done = {};  ///< called after each forward
};

/// Runs the model over every image of the loader, once. Images that cannot be read are left out,
/// never replaced: the metrics have the bits of those of the set without them.
/// @param batch_size of the loader; a smaller last batch is padded with zeros for the forward, so
///   that the pool needs no memory of other sizes. The metrics ignore the padding.
/// Objects are measured in the order of the ids of their images, as pycocotools does it: it decides
/// between detections of equal scores.
/// @param go_on called after each batch with the images so far; false ends the pass.
/// @return empty if `go_on` ended the pass; of 0 images if none can be read.
std::optional<Measured> measure(const tasks::Task& task, data::Loader& loader, int64_t batch_size,
                                const LabelMap& label_map,
                                const std::function<bool(int64_t images)>& go_on,
                                const MeasureMore& more = {});

/// The names of a head's rows; numbers where it has none.
std::vector<std::string> row_names(const std::vector<std::string>& names, int64_t num_classes);

/// What was measured, for those who show it; the pictures are moved out of `measured`.
/// @param set that was measured   @param class_names of the model
EvaluationReport report_of(Measured& measured, const std::string& set,
                           const std::vector<std::string>& class_names);

/// "found 2 of 24 images unreadable, expected <expected>: <the first of them>".
std::string unreadable_text(const Measured& measured, const std::string& expected);

}  // namespace swin::trainers
