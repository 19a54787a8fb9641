// From the predictions of the heads to the objects of an image.
#pragma once
#include <vector>

#include "tasks/detection_proposals.h"
#include "tasks/task.h"

namespace swin::tasks {

/// The objects found in an image, in pixels of the network's input, the best first.
struct Found {
  Boxes boxes;
  std::vector<double> scores;
  std::vector<int64_t> classes;
};

/// For each region and class whose probability is above options.score: the region moved by the
/// class's deltas (of the last stage) and clipped to the image; of those of one class that overlap
/// more than options.iou the best; of all the best max_detections.
/// @param probabilities (regions, classes + 1)   @param deltas (regions, 4 · classes)
/// @param boxes the regions   @param size of the image without padding
/// @throws DivergedError for a probability or delta that is not a number.
Found objects_of(const real* probabilities, const real* deltas, const Boxes& boxes,
                 int64_t num_classes, const base::Size2& size, const DetectionOptions& options);

/// The objects of image i in the outputs `detections.<i>`, `masks.<i>` and `size.<i>`
/// (Detection::outputs), with masks drawn into the image where there are any.
std::vector<Detected> detected(const Outputs& outputs, int64_t i, const DetectionOptions& options);

}  // namespace swin::tasks
