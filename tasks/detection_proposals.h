// From the maps of the RPN to the regions of images that the heads look at. Plain decisions:
// nothing here has a gradient.
#pragma once
#include <optional>
#include <span>
#include <vector>

#include "tasks/detection_options.h"

namespace swin::tasks {

using Boxes = std::vector<data::BoundingBox>;

/// The anchors of images of one padded size.
struct PyramidAnchors {
  std::vector<base::Size2> maps;  ///< of each level
  std::vector<Boxes> levels;      ///< (y, x, a) each
  int64_t count = 0;              ///< of all levels
};
/// @param strides of the maps, of images of this padded size
PyramidAnchors pyramid_anchors(const AnchorOptions& options, const std::vector<int64_t>& strides,
                               const base::Size2& padded);

/// The best proposals of each image, by falling probability: of each level the best anchors,
/// moved by their deltas and clipped to the image; what is too small or overlaps a better one of
/// its level is dropped. Nothing if a logit or a delta is not finite.
/// @param maps of each level, of all images
/// @param sizes of the images without padding, one for each
std::optional<std::vector<Boxes>> proposals(const std::vector<layers::RpnMaps>& maps,
                                            const PyramidAnchors& anchors,
                                            std::span<const base::Size2> sizes,
                                            const ProposalCounts& counts,
                                            const DetectionOptions& options);

/// Regions of images, one image after the other, each on the level of its size.
/// @param levels that regions are taken from
std::vector<autograd::Roi> regions_of(const std::vector<Boxes>& images, int64_t levels,
                                      const Rules& rules);

}  // namespace swin::tasks
