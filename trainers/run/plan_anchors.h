// How the anchors of a detection config fit the objects of its training images.
#pragma once
#include <optional>
#include <vector>

#include "data/dataset.h"
#include "tasks/detection/suggest_anchors.h"
#include "trainers/config/config.h"

namespace swin::trainers {

struct AnchorPlan {
  tasks::AnchorFit fit;  ///< of task.anchors
  /// Sizes that fit clearly better where the config's leave many objects without an anchor.
  struct Suggestion {
    std::vector<double> sizes;  ///< for task.anchors.sizes
    tasks::AnchorFit fit;
  };
  std::optional<Suggestion> suggestion = std::nullopt;
};

/// The objects, but for crowds, as they lie in the network's input by preprocess, or with
/// augment.short_sides at the middle one of them. Of more than 2,000 images, every n-th is looked
/// at.
/// @return nothing for other tasks and without objects.
/// @throws DataError if an annotation cannot be read.
std::optional<AnchorPlan> plan_anchors(const Config& config, const data::Dataset& training);

}  // namespace swin::trainers
