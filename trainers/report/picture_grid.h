// Pictures of an evaluation in one image, for readers that show no captions.
#pragma once
#include <cstdint>
#include <span>

#include "data/image.h"
#include "trainers/report/evaluation_report.h"

namespace swin::trainers {

/// The first `most` pictures, each with its caption below it in at most three lines.
/// @param side in pixels: larger pictures are shrunk to it, small ones enlarged by an integer
/// factor
/// @return an image of three channels, without pixels if there are no pictures
data::Image picture_grid(std::span<const EvaluationReport::Picture> pictures, size_t most,
                         int64_t side);

}  // namespace swin::trainers
