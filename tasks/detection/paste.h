// From the square mask of a box to the mask of an image.
#pragma once
#include <cstdint>
#include <span>
#include <vector>

#include "base/size2.h"
#include "data/annotation.h"
#include "tasks/detection/convention.h"

namespace swin::tasks {

/// The pixels of an image whose probability is more than one half (by mmdet's rule at least).
/// @param mask (side, side) probabilities in the box   @param box in pixels of the image
/// @throws InternalError unless mask has side² values.
data::RunLengths paste(std::span<const double> mask, int64_t side, const data::BoundingBox& box,
                       const base::Size2& image, const Rules& rules);

/// The probabilities that paste() compares with one half.
/// @return (height, width) of the image, 0 outside of the box.
std::vector<double> paste_probabilities(std::span<const double> mask, int64_t side,
                                        const data::BoundingBox& box, const base::Size2& image,
                                        const Rules& rules);

}  // namespace swin::tasks
