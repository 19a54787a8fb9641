// What one evaluation says beyond its metrics: RUN/evaluation, the event files, the HTML report and
// the terminal are made from it.
#pragma once
#include <cstdint>
#include <string>
#include <vector>

#include "data/image.h"
#include "tasks/class_metrics.h"
#include "tasks/metrics.h"

namespace swin::trainers {

struct EvaluationReport {
  int64_t step = 0, epoch = 0;  ///< of the weights
  std::string set;              ///< "data.validation", or the path that was evaluated
  int64_t images = 0;           ///< that were measured
  int64_t bad_images = 0;       ///< left out
  tasks::Metrics metrics;
  std::vector<std::string> class_names;   ///< of the model; empty where it has no classes
  std::vector<tasks::Metrics> per_class;  ///< of each class, the same names for all; or empty
  /// Of a classifier with one label an image: in the order of label and prediction, counts above 0
  /// alone.
  std::vector<tasks::ConfusionEntry> confusion;
  std::vector<tasks::CalibrationBin> calibration;

  /// An image as the model saw it, without normalization, at most 256 pixels a side.
  struct Picture {
    std::string file;     ///< of the image, as its data set names it
    std::string caption;  ///< "boot, taken for sneaker (98.1%)"
    data::Image image;
  };
  std::vector<Picture> worst;    ///< wrong answers, those of the largest loss first
  std::vector<Picture> answers;  ///< of dense tasks: the first images with what was found drawn
};

}  // namespace swin::trainers
