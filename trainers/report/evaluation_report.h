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

inline constexpr int64_t kPictureSide = 256;

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

  /// Of 3 channels, at most kPictureSide pixels a side.
  struct Picture {
    std::string file;     ///< of the image, as its data set names it
    std::string caption;  ///< "boot, taken for sneaker (98.1%)"
    data::Image image;
    // Of a wrong answer; "" and 0 of a dense one. Several classes have ";" between them.
    std::string label = {}, prediction = {};
    double probability = 0;  ///< of the prediction; of several, of the class that is most wrong
    double loss = 0;         ///< NaN if the logits are
  };
  /// The wrong answers of the largest loss, the largest first: the images as the model saw them.
  std::vector<Picture> worst;
  /// Of dense tasks: the first images with what was found drawn over them. Of label maps two side
  /// by side, each at most kPictureSide wide: what was found, and what is there.
  std::vector<Picture> answers;
};

}  // namespace swin::trainers
