#include "tasks/detection_meter.h"

#include <deque>
#include <optional>

#include "base/errors.h"
#include "base/parallel.h"
#include "data/run_lengths.h"
#include "tasks/detection/errors.h"
#include "tasks/detection_inference.h"
#include "tasks/detection_metrics.h"
#include "tasks/detection_targets.h"

namespace swin::tasks {

using data::RunLengths;

namespace {

Region region_of(const data::BoundingBox& box, const RunLengths* mask) {
  return {box.x1, box.y1, box.x2 - box.x1, box.y2 - box.y1, mask};
}

class DetectionMeter : public Meter {
 public:
  DetectionMeter(const DetectionOptions& options, int64_t num_classes)
      : options_(options), boxes_(num_classes, Compared::boxes) {
    if (options.model.mask) masks_.emplace(num_classes, Compared::masks);
  }

  void add(const Outputs& outputs, const data::Batch& batch) override {
    for (int64_t i = 0; i < batch.size; ++i) add_image(outputs, batch, i);
  }

  Metrics metrics() const override {
    Metrics all = boxes_.result().metrics;
    if (!masks_) return all;
    const Metrics of_masks = masks_->result().metrics;
    all.insert(all.end(), of_masks.begin(), of_masks.end());
    return all;
  }

  void watch_errors() override {
    errors_.emplace_back(boxes_.classes(), Compared::boxes);
    if (masks_) errors_.emplace_back(boxes_.classes(), Compared::masks);
  }

  Metrics errors() const override {
    Metrics all;
    for (const DetectionErrors& errors : errors_)
      for (const auto& metric : errors.result().metrics) all.push_back(metric);
    return all;
  }

  std::vector<Metrics> per_class() const override {
    std::vector<Metrics> rows(static_cast<size_t>(boxes_.classes()));
    const auto add = [&](const DetectionMetrics& metrics, const std::string& prefix) {
      const DetectionMetrics::Result result = metrics.result();
      for (size_t k = 0; k < rows.size(); ++k)
        for (const auto& [name, value] : result.classes[k].metrics())
          rows[k].emplace_back(prefix + name, value);
    };
    add(boxes_, "box_");
    if (masks_) add(*masks_, "segm_");
    return rows;
  }

 private:
  void add_image(const Outputs& outputs, const data::Batch& batch, int64_t i) {
    const data::Objects& truth = objects_of_image(batch, i);
    const std::vector<Detected> found = detected(outputs, i, options_);
    std::vector<RunLengths> masks(masks_ ? truth.objects.size() : 0);
    base::parallel_for(std::ssize(masks), [&](int64_t k) {
      const auto at = static_cast<size_t>(k);
      masks[at] = mask_of(truth.objects[at], {truth.height, truth.width});
    });
    std::vector<TrueObject> objects;
    for (size_t k = 0; k < truth.objects.size(); ++k) {
      const data::Object& object = truth.objects[k];
      objects.push_back({region_of(object.box, masks_ ? &masks[k] : nullptr), object.class_index,
                         object.area, object.crowd});
    }
    std::vector<DetectedObject> detections;
    for (const Detected& one : found)
      detections.push_back({region_of(one.box, one.mask ? &*one.mask : nullptr), one.class_index,
                            one.score, one.box.area()});
    const int64_t image = batch.indices.at(static_cast<size_t>(i));
    boxes_.add(image, objects, detections);
    if (!errors_.empty()) errors_[0].add(image, objects, detections);
    if (!masks_) return;
    for (DetectedObject& one : detections)
      one.area = static_cast<double>(data::count_pixels(*one.region.mask));
    masks_->add(image, objects, detections);
    if (!errors_.empty()) errors_[1].add(image, objects, detections);
  }

  DetectionOptions options_;
  DetectionMetrics boxes_;
  std::optional<DetectionMetrics> masks_;
  std::vector<DetectionErrors> errors_;  // of boxes, then of masks; none unless watched
};

}  // namespace

std::unique_ptr<Meter> detection_meter(const DetectionOptions& options, int64_t num_classes) {
  return std::make_unique<DetectionMeter>(options, num_classes);
}

}  // namespace swin::tasks
