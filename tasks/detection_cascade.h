// Between the stages of a cascade: the regions that the next heads look at. Plain decisions:
// nothing here has a gradient. Source: Cai and Vasconcelos 2019, arXiv:1906.09756, section 4, as
// mmdetection's CascadeRoIHead.
#pragma once
#include <optional>
#include <span>
#include <vector>

#include "tasks/detection_targets.h"

namespace swin::tasks {

/// The regions of an image moved by the deltas to their class and clipped to the image. The class
/// is that of the label; of the background, or without labels, the most probable other one.
/// Nothing if a logit or a delta that counts is not finite.
/// @param first the row of the first region in the predictions
/// @param labels of each region, num_classes for the background; or empty
/// @param size of the image without padding
std::optional<Boxes> refined(const layers::BoxPredictions& predictions, int64_t first,
                             const Boxes& regions, std::span<const int32_t> labels,
                             int64_t num_classes, const base::Size2& size, const BoxCoder& coder);

/// What the next stage draws from: the regions that this one has learned from, refined, but for the
/// true boxes, which are added anew. Nothing if a logit or a delta that counts is not finite.
/// @param samples that the targets were made of
/// @param sizes of the images without padding
std::optional<std::vector<Boxes>> next_proposals(const layers::BoxPredictions& predictions,
                                                 const RegionTargets& targets,
                                                 const std::vector<SampledRegions>& samples,
                                                 int64_t num_classes,
                                                 std::span<const base::Size2> sizes,
                                                 const HeadStage& stage);

}  // namespace swin::tasks
