// How `swin explain` draws: colors for numbers, panels beside each other, and an image on the grid
// of its tokens. Pictures have three channels.
#pragma once
#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "base/size2.h"
#include "data/image.h"
#include "data/transforms/geometry.h"

namespace swin::trainers {

using base::Size2;

inline constexpr data::Color kPanelGround = {40, 40, 40}, kPanelWhite = {255, 255, 255},
                             kPanelLine = {255, 214, 0};

data::Image blank(Size2 size, const data::Color& color = kPanelGround);
// What lies outside of the picture is left out.
void fill(const data::Box& box, const data::Color& color, data::Image& image);
/// Moves the colors by `share`, 0 … 1, towards `color`.
void blend(const data::Box& box, const data::Color& color, double share, data::Image& image);
/// @param line pixels, inwards
void outline(const data::Box& box, const data::Color& color, int64_t line, data::Image& image);
void paste(const data::Image& from, int64_t top, int64_t left, data::Image& to);
/// A dark ground with stripes: what is padding.
void fill_padding(const data::Box& box, data::Image& image);
/// A text on a dark ground around the middle of the box.
void draw_centered(const std::string& text, const data::Box& box, int64_t scale,
                   data::Image& image);

/// Colors for the numbers from `low` to `high`: from blue over white to red where both signs occur,
/// with white for 0, else from black over red to light yellow.
struct ColorScale {
  double low = 0, high = 1;
  data::Color of(double value) const;
};
/// The smallest one for these values, symmetric where both signs occur. Of no sign: from 0 on.
ColorScale scale_of(std::span<const double> values);
/// The picture with the scale, and the numbers at its ends, below it.
data::Image with_scale(const data::Image& image, const ColorScale& scale);

/// Numbers as squares of `cell` pixels; what is not finite is gray.
/// @param values (size)
data::Image draw_numbers(std::span<const double> values, Size2 size, int64_t cell,
                         const ColorScale& scale);

std::string short_text(double value);  ///< three digits: "0.135", "2.4e-07"

struct Panel {
  std::string title;
  data::Image image;
};
/// The panels in rows, each under its title.
data::Image draw_panels(const std::vector<Panel>& panels, int64_t columns);

/// What the model sees, on the grid of its tokens.
struct View {
  data::Image image;  ///< (map · cell)
  Size2 map{};        ///< of stage 0
  int64_t patch = 0;  ///< pixels of the model's input in a token of stage 0
  int64_t cell = 0;   ///< pixels of the picture for them
  int64_t cell_of(int64_t stage) const { return cell << stage; }
};
/// @param seen the model's input as an image   @param side of the picture in pixels, about
View view_of(const data::Image& seen, int64_t patch, int64_t side);

/// The view with smaller cells if a map of `size` tokens at a stage would be far larger than the
/// image: padding to whole windows may add several times the map.
View fit_to(const View& view, Size2 size, int64_t stage);

/// The image in gray and darker, so that colors over it can be told apart.
data::Image dimmed(const data::Image& image);

}  // namespace swin::trainers
