// COCO's metrics of the objects that a detector finds.
#pragma once
#include <memory>

#include "tasks/detection_options.h"
#include "tasks/task.h"

namespace swin::tasks {

/// The twelve metrics of boxes (`box_AP` …) and, where masks are answered, those of masks
/// (`segm_AP` …), at the images' original size (detection_metrics.h).
std::unique_ptr<Meter> detection_meter(const DetectionOptions& options, int64_t num_classes);

}  // namespace swin::tasks
