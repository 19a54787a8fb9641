// What the RPN and the heads of regions are to answer for the objects of a batch. Plain decisions:
// nothing here has a gradient.
#pragma once
#include <cstdint>
#include <span>
#include <vector>

#include "data/batch.h"
#include "layers/basic.h"
#include "tasks/detection/sampler.h"
#include "tasks/detection_proposals.h"

namespace swin::tasks {

/// The objects of an image of a batch.
/// @throws InternalError if it has no list of them.
const data::Objects& objects_of_image(const data::Batch& batch, int64_t image);
/// The mask of an object on a canvas of this size.
/// @throws DataError if it has none.
data::RunLengths mask_of(const data::Object& object, const base::Size2& canvas);

/// The objects of an image that are to be found: all but crowds.
struct Truth {
  base::Size2 image{};   ///< its size without padding
  base::Size2 canvas{};  ///< that of its masks, with the batch's padding
  Boxes boxes;
  std::vector<int32_t> classes;
  std::vector<const data::Object*> objects;  ///< of the batch
};
/// In a dry run it has no objects.
/// @throws DataError for a class that the model does not have.
Truth truth_of(const data::Batch& batch, int64_t image, int64_t num_classes);

/// What an RPN loss of the whole batch is divided by.
double count_anchors(const data::Batch& batch, const PyramidAnchors& anchors, int64_t num_classes,
                     const DetectionOptions& options);

/// The sampled anchors of a slice, as rows of the maps of its images: image · anchors + anchor, an
/// image's anchors level by level.
struct RpnTargets {
  std::vector<int32_t> rows;       ///< an image's positives, then its negatives
  std::vector<real> objects;       ///< of each row 1 or 0
  std::vector<int32_t> positives;  ///< the rows with an object
  std::vector<real> deltas;        ///< (positives, 4), to that object
};
RpnTargets rpn_targets(const std::vector<Truth>& truths, const PyramidAnchors& anchors,
                       const layers::Pass& pass, const DetectionOptions& options);

/// The sampled regions of an image.
struct SampledRegions {
  Boxes boxes;                   ///< positives first
  std::vector<int32_t> objects;  ///< of each positive, its index in the truth
  std::vector<uint8_t> is_true;  ///< of each box, whether it is a true one
};
/// Draws from the proposals and the true boxes.
/// @param stage of the heads that learn from them
SampledRegions sample_regions(const Truth& truth, const Boxes& proposals, const HeadStage& stage,
                              const DetectionOptions& options, const base::Random& random);

/// The sampled regions of a slice: what its heads compute, and are to answer.
struct RegionTargets {
  std::vector<Boxes> boxes;      ///< of each image, its positives first
  std::vector<Boxes> positives;  ///< of each image
  std::vector<int32_t> labels;   ///< of each region its class; num_classes: background
  std::vector<int32_t> rows;     ///< of the positives among the regions
  std::vector<real> deltas;      ///< (positives, 4), to the object
  std::vector<real> truth;       ///< (positives, 4), the object's box
  autograd::Tensor masks;        ///< (positives, side²), 0 … 1; undefined without a side
};
/// @param mask_side of the mask targets; 0: none
/// @throws DataError for an object without a mask where masks are learned.
RegionTargets region_targets(const std::vector<Truth>& truths,
                             const std::vector<SampledRegions>& samples, int64_t num_classes,
                             int64_t mask_side, const HeadStage& stage,
                             const DetectionOptions& options);

}  // namespace swin::tasks
