#include "trainers/run/draw_objects.h"

#include <algorithm>
#include <cstdio>

#include "base/integer.h"
#include "data/palette.h"
#include "data/preview.h"

namespace swin::trainers {
namespace {

constexpr int64_t kLeastSide = 480;   // of a drawing, the longer one: labels need room
constexpr int64_t kPlainSide = 1000;  // up to which a dot of a letter is one pixel

std::string label_of(const tasks::Detected& object, const std::vector<std::string>& names) {
  char score[16];
  std::snprintf(score, sizeof score, "%.2f", object.score);
  const auto index = static_cast<size_t>(object.class_index);
  return names.size() > 1 && index < names.size() ? names[index] + " " + score : score;
}

}  // namespace

data::Image draw_objects(const data::Image& image, const std::vector<tasks::Detected>& objects,
                         const std::vector<std::string>& names, int64_t most_side) {
  const int64_t side = most_side > 0 ? std::min(most_side, std::max(image.height, image.width))
                                     : std::max(image.height, image.width);
  const int64_t factor = most_side > 0 ? 1 : base::divide_up(kLeastSide, side);
  const int64_t scale = std::max<int64_t>(1, side / kPlainSide);
  // Each drawn object counts as a class, so that any may have a color of its own.
  data::Objects masks{image.height, image.width, {}};
  std::vector<data::Color> colors;
  std::vector<std::string> labels;
  for (size_t i = objects.size(); i-- > 0;) {  // the best last, on top
    data::Object& object = masks.objects.emplace_back();
    object.box = objects[i].box;
    object.class_index = std::ssize(colors);
    if (objects[i].mask) object.mask = *objects[i].mask;
    const int64_t color = names.size() > 1 ? objects[i].class_index : static_cast<int64_t>(i);
    colors.push_back(data::palette_color(color + 1));
    labels.push_back(label_of(objects[i], names));
  }
  // Masks are of the image's pixels, lines and letters of the drawing's.
  data::Image drawn;
  data::convert_channels(image, 3, drawn);
  data::draw_masks(masks, colors, drawn);
  if (factor > 1) drawn = data::enlarged(drawn, factor);
  if (most_side > 0) drawn = data::shrunk(drawn, most_side);
  data::Objects boxes = std::move(masks);
  const double by_x = static_cast<double>(drawn.width) / static_cast<double>(image.width);
  const double by_y = static_cast<double>(drawn.height) / static_cast<double>(image.height);
  for (data::Object& object : boxes.objects)
    object.box = {by_x * object.box.x1, by_y * object.box.y1, by_x * object.box.x2,
                  by_y * object.box.y2};
  data::draw_boxes(boxes, colors, scale + 1, drawn);
  for (size_t i = 0; i < labels.size(); ++i)
    data::draw_label(labels[i], colors[i], boxes.objects[i].box, scale, drawn);
  return drawn;
}

}  // namespace swin::trainers
