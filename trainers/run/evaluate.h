// Measures a checkpoint on a data set; everything but the images comes from the checkpoint.
#pragma once
#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "base/json.h"

namespace swin::trainers {

struct EvaluateOptions {
  std::string checkpoint;
  /// An image folder (one folder a class), or, where it has no folders inside, a place of files of
  /// the stored data set's format; empty: the stored config's data.test, else data.validation.
  std::string data;
  /// `path.to.field=value` texts applied to the stored config (data.test.path=…, trainer.…).
  std::vector<std::string> sets;
  bool quiet = false;
};

struct EvaluateResult {
  int64_t images = 0;  ///< every image of the set, once
  /// In the task's order: top1, top5 (0…1) and loss (mean cross-entropy, without smoothing).
  std::vector<std::pair<std::string, double>> metrics;
  double images_per_second = 0;
  /// The checkpoint calls its classes by their numbers (converted weights): those of the data set
  /// were taken in their order, folders by the alphabet.
  bool classes_by_order = false;
};

/// @throws WeightError on a bad checkpoint; UsageError on a bad set or where there is no data set
///   to measure; DataError naming an image that cannot be read, or the classes in which data set
///   and checkpoint differ (they are compared by name, whatever their order; where the checkpoint
///   has no names and the counts agree, by order).
EvaluateResult evaluate(const EvaluateOptions& options);

/// images, top1, top5, loss, images_per_second.
base::Json to_json(const EvaluateResult& result);

}  // namespace swin::trainers
