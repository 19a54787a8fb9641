// Objects that a model found, drawn over their image.
#pragma once
#include <functional>
#include <string>
#include <vector>

#include "data/image.h"
#include "tasks/task.h"

namespace swin::trainers {

/// The image in three channels, enlarged by a whole factor where it is small, with the masks of the
/// objects half transparent, their boxes, and the text of each above its box: "cat 0.93". Of one
/// class alone, each object has a color of its own and its text is the score; else colors are those
/// of the classes.
/// @param objects the best first; they lie on top   @param names of all classes of the model
/// @param most_side of the drawing: a larger image is shrunk to it, and none enlarged. 0: any.
data::Image draw_objects(const data::Image& image, const std::vector<tasks::Detected>& objects,
                         const std::vector<std::string>& names, int64_t most_side = 0);

}  // namespace swin::trainers
