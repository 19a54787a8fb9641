#include "tasks/detection_inference.h"

#include <array>
#include <cmath>

#include "base/errors.h"
#include "base/parallel.h"
#include "tasks/detection/boxes.h"
#include "tasks/detection/paste.h"

namespace swin::tasks {

using data::BoundingBox;

Found objects_of(const real* probabilities, const real* deltas, const Boxes& boxes,
                 int64_t num_classes, const base::Size2& size, const DetectionOptions& options) {
  const Rules& rules = options.rules();
  const BoxCoder& coder = options.stages.back().coder;
  Found all;
  for (size_t region = 0; region < boxes.size(); ++region) {
    const real* of = probabilities + static_cast<int64_t>(region) * (num_classes + 1);
    for (int64_t k = 0; k < num_classes; ++k) {
      if (std::isnan(of[k]))
        throw base::DivergedError("detection",
                                  "found a probability that is not a number, expected finite "
                                  "predictions",
                                  "take the weights of an earlier checkpoint");
      const auto score = static_cast<double>(of[k]);
      if (!(score > options.score)) continue;
      const real* delta = deltas + (static_cast<int64_t>(region) * num_classes + k) * 4;
      const BoundingBox box =
          clipped(coder.decode({delta[0], delta[1], delta[2], delta[3]}, boxes[region]), size);
      if (!has_sides(box, rules.least_detection_side)) continue;
      all.boxes.push_back(box);
      all.scores.push_back(score);
      all.classes.push_back(k);
    }
  }
  std::vector<int64_t> kept = nms(all.boxes, all.scores, all.classes, options.iou);
  kept.resize(std::min(kept.size(), static_cast<size_t>(options.max_detections)));
  Found best;
  for (const int64_t i : kept) {
    const auto at = static_cast<size_t>(i);
    best.boxes.push_back(all.boxes[at]);
    best.scores.push_back(all.scores[at]);
    best.classes.push_back(all.classes[at]);
  }
  return best;
}

std::vector<Detected> detected(const Outputs& outputs, int64_t i, const DetectionOptions& options) {
  const std::string at = std::to_string(i);
  const Tensor& rows = output(outputs, "detections." + at);
  const real* size = output(outputs, "size." + at).data();
  const base::Size2 image = {static_cast<int64_t>(size[0]), static_cast<int64_t>(size[1])};
  std::vector<Detected> objects(static_cast<size_t>(rows.dim(0)));
  for (size_t k = 0; k < objects.size(); ++k) {
    const real* row = rows.data() + 6 * k;
    objects[k].box = {row[0], row[1], row[2], row[3]};
    objects[k].score = static_cast<double>(row[4]);
    objects[k].class_index = static_cast<int64_t>(row[5]);
  }
  if (!options.model.mask) return objects;
  const Tensor& masks = output(outputs, "masks." + at);
  const int64_t side = masks.dim(1), area = side * side;
  base::parallel_for(std::ssize(objects), [&](int64_t k) {
    const real* mask = masks.data() + k * area;
    Detected& object = objects[static_cast<size_t>(k)];
    object.mask =
        paste(std::vector<double>(mask, mask + area), side, object.box, image, options.rules());
  });
  return objects;
}

}  // namespace swin::tasks
