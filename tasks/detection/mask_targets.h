// What a mask head is to answer for a box: the part of an object's mask in it.
#pragma once
#include <cstdint>
#include <span>
#include <vector>

#include "base/size2.h"
#include "data/annotation.h"
#include "tasks/detection/convention.h"

namespace swin::tasks {

/// RoIAlign of a mask, with as many sampling points in a bin as it has pixels. By mmdet's rule the
/// box is clipped to the image, positions are shifted by half a pixel, and the result is 0 or 1
/// (from one half on); by torchvision's it is soft.
/// @param pixels (height, width) of 0 and 1: data::to_pixels of the object's mask
/// @param box in pixels of the image   @param side of the target, 28 in the published models
/// @return (side, side).
/// @throws InternalError unless pixels are those of the image.
std::vector<double> mask_target(std::span<const uint8_t> pixels, const base::Size2& image,
                                const data::BoundingBox& box, int64_t side, const Rules& rules);

}  // namespace swin::tasks
