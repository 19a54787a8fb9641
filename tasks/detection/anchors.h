// Anchors: the boxes that an RPN starts from, at each place of each feature map.
#pragma once
#include <cstdint>
#include <vector>

#include "base/size2.h"
#include "data/annotation.h"
#include "tasks/detection/convention.h"

namespace swin::tasks {

struct AnchorOptions {
  std::vector<std::vector<double>> sizes;  ///< √area in pixels, a list for each level
  std::vector<double> ratios;              ///< height / width
  Convention convention = Convention::mmdet;
  /// Pixels of the image for one of the finest map; each level's is twice that of the one before.
  /// Where strides_from_maps, it is not read.
  int64_t first_stride = 4;

  /// Anchors at each place of a level.
  int64_t per_place(int64_t level) const {
    return static_cast<int64_t>(sizes[static_cast<size_t>(level)].size() * ratios.size());
  }
};

/// The anchors of a level, in pixels of the padded image, which they may leave.
/// @param map (height, width) of the level's feature map   @param padded_image of the batch
/// @return (y, x, a), a = ratio · sizes + size.
std::vector<data::BoundingBox> anchors(const AnchorOptions& options, int64_t level,
                                       const base::Size2& map, const base::Size2& padded_image);

/// Which of anchors() are matched and sampled in training an image: by mmdet's rule those of cells
/// in the image's own padded size, by torchvision's all. The others are as if they were not there.
/// @param own_size of the image, padded to the multiple that the network needs
/// @return (y, x, a) of 0 and 1.
std::vector<uint8_t> valid_anchors(const AnchorOptions& options, int64_t level,
                                   const base::Size2& map, const base::Size2& own_size);

}  // namespace swin::tasks
