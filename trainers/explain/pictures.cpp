#include "trainers/explain/pictures.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdio>

#include "base/integer.h"
#include "data/preview.h"

namespace swin::trainers {

using data::Box;
using data::Color;
using data::Image;

namespace {

constexpr int64_t kLeastCell = 2;  // pixels of a token: a window of seven is 14
constexpr int64_t kGap = 8, kLetter = 2;
constexpr int64_t kTitle = data::kLetterHeight * kLetter + kGap;  // height of a line
constexpr Color kNotANumber = {110, 110, 125};

// Inferno of matplotlib at nine points: darker is less, also in print.
constexpr std::array<Color, 9> kHeat = {{{0, 0, 4},
                                         {31, 12, 72},
                                         {85, 15, 109},
                                         {136, 34, 106},
                                         {186, 54, 85},
                                         {227, 89, 51},
                                         {249, 140, 10},
                                         {249, 201, 50},
                                         {252, 255, 164}}};
constexpr std::array<Color, 5> kSigned = {
    {{33, 102, 172}, {146, 197, 222}, {247, 247, 247}, {244, 165, 130}, {178, 24, 43}}};

uint8_t mixed(uint8_t from, uint8_t to, double share) {
  return static_cast<uint8_t>(std::lround(from + (to - from) * share));
}

// The color at `share`, 0 … 1, of the way through the list.
template <size_t kCount>
Color along(const std::array<Color, kCount>& colors, double share) {
  const double place = std::clamp(share, 0.0, 1.0) * (kCount - 1);
  const auto first = std::min(static_cast<size_t>(place), kCount - 2);
  Color color{};
  for (size_t c = 0; c < 3; ++c)
    color[c] = mixed(colors[first][c], colors[first + 1][c], place - static_cast<double>(first));
  return color;
}

Box clipped(const Box& box, const Image& image) {
  const int64_t top = std::clamp<int64_t>(box.top, 0, image.height),
                left = std::clamp<int64_t>(box.left, 0, image.width);
  return {top, left, std::clamp<int64_t>(box.top + box.height, top, image.height) - top,
          std::clamp<int64_t>(box.left + box.width, left, image.width) - left};
}

// Calls f(pixel, y, x) for the pixels of the box that lie in the image.
template <class F>
void for_pixels(const Box& box, Image& image, F&& f) {
  const Box inside = clipped(box, image);
  for (int64_t y = inside.top; y < inside.top + inside.height; ++y)
    for (int64_t x = inside.left; x < inside.left + inside.width; ++x)
      f(image.row(y) + 3 * x, y, x);
}

}  // namespace

Image blank(Size2 size, const Color& color) {
  Image image;
  image.reshape(size[0], size[1], 3);
  fill({0, 0, size[0], size[1]}, color, image);
  return image;
}

void fill(const Box& box, const Color& color, Image& image) { blend(box, color, 1, image); }

void blend(const Box& box, const Color& color, double share, Image& image) {
  for_pixels(box, image, [&](uint8_t* pixel, int64_t, int64_t) {
    for (size_t c = 0; c < 3; ++c) pixel[c] = mixed(pixel[c], color[c], share);
  });
}

void outline(const Box& box, const Color& color, int64_t line, Image& image) {
  fill({box.top, box.left, line, box.width}, color, image);
  fill({box.top + box.height - line, box.left, line, box.width}, color, image);
  fill({box.top, box.left, box.height, line}, color, image);
  fill({box.top, box.left + box.width - line, box.height, line}, color, image);
}

void paste(const Image& from, int64_t top, int64_t left, Image& to) {
  for_pixels({top, left, from.height, from.width}, to, [&](uint8_t* pixel, int64_t y, int64_t x) {
    std::copy_n(from.row(y - top) + 3 * (x - left), 3, pixel);
  });
}

void fill_padding(const Box& box, Image& image) {
  for_pixels(box, image, [](uint8_t* pixel, int64_t y, int64_t x) {
    std::fill_n(pixel, 3, (y + x) % 8 < 2 ? uint8_t{120} : uint8_t{60});
  });
}

void draw_centered(const std::string& text, const Box& box, int64_t scale, Image& image) {
  const int64_t width = data::text_width(text, scale), height = data::kLetterHeight * scale;
  const int64_t top = box.top + (box.height - height) / 2,
                left = box.left + (box.width - width) / 2;
  fill({top - scale, left - scale, height + 2 * scale, width + 2 * scale}, {0, 0, 0}, image);
  if (top >= 0 && left >= 0) data::draw_text(text, top, left, image.width, scale, image);
}

Color ColorScale::of(double value) const {
  if (!std::isfinite(value)) return kNotANumber;
  const double share = high > low ? (value - low) / (high - low) : 0;
  return low < 0 ? along(kSigned, share) : along(kHeat, share);
}

ColorScale scale_of(std::span<const double> values) {
  ColorScale scale{0, 0};
  for (const double value : values) {
    if (!std::isfinite(value)) continue;
    scale.low = std::min(scale.low, value);
    scale.high = std::max(scale.high, value);
  }
  if (scale.low < 0) {
    scale.high = std::max(scale.high, -scale.low);
    scale.low = -scale.high;
  }
  return scale;
}

std::string short_text(double value) {
  char text[32];
  std::snprintf(text, sizeof text, "%.3g", value);
  return text;
}

Image with_scale(const Image& image, const ColorScale& scale) {
  const std::string low = short_text(scale.low), high = short_text(scale.high);
  const int64_t before = data::text_width(low, kLetter) + 2 * kGap,
                after = data::text_width(high, kLetter) + 2 * kGap;
  constexpr int64_t kLeast = 80, kHeight = data::kLetterHeight * kLetter;
  const int64_t width = std::max(image.width, before + kLeast + after),
                length = std::min<int64_t>(width - before - after, 320);
  Image drawn = blank({image.height + kHeight + 2 * kGap, width});
  paste(image, 0, 0, drawn);
  const int64_t top = image.height + kGap;
  data::draw_text(low, top, kGap, width, kLetter, drawn);
  for (int64_t x = 0; x < length; ++x) {
    const double share = static_cast<double>(x) / static_cast<double>(length - 1);
    fill({top, before + x, kHeight, 1}, scale.of(scale.low + share * (scale.high - scale.low)),
         drawn);
  }
  data::draw_text(high, top, before + length + kGap, width, kLetter, drawn);
  return drawn;
}

Image draw_numbers(std::span<const double> values, Size2 size, int64_t cell,
                   const ColorScale& scale) {
  Image image = blank({size[0] * cell, size[1] * cell});
  for (int64_t y = 0; y < size[0]; ++y)
    for (int64_t x = 0; x < size[1]; ++x)
      fill({y * cell, x * cell, cell, cell}, scale.of(values[static_cast<size_t>(y * size[1] + x)]),
           image);
  return image;
}

Image draw_panels(const std::vector<Panel>& panels, int64_t columns) {
  const int64_t count = std::ssize(panels);
  columns = std::clamp<int64_t>(columns, 1, std::max<int64_t>(count, 1));
  int64_t height = 0, width = 0;
  for (const Panel& panel : panels) {
    height = std::max(height, panel.image.height);
    width = std::max(width, panel.image.width);
  }
  const int64_t step_down = kTitle + height + kGap, step_right = width + kGap;
  Image drawn =
      blank({base::divide_up(count, columns) * step_down + kGap, columns * step_right + kGap});
  for (int64_t i = 0; i < count; ++i) {
    const Panel& panel = panels[static_cast<size_t>(i)];
    const int64_t top = kGap + i / columns * step_down, left = kGap + i % columns * step_right;
    const int64_t letter = data::text_width(panel.title, kLetter) <= width ? kLetter : 1;
    data::draw_text(panel.title, top, left, left + width, letter, drawn);
    paste(panel.image, top + kTitle, left, drawn);
  }
  return drawn;
}

View view_of(const Image& seen, int64_t patch, int64_t side) {
  View view;
  view.patch = patch;
  view.map = {base::divide_up(seen.height, patch), base::divide_up(seen.width, patch)};
  view.cell = std::max(kLeastCell, side / std::max(view.map[0], view.map[1]));
  view.image = blank({view.map[0] * view.cell, view.map[1] * view.cell}, {0, 0, 0});
  for_pixels({0, 0, view.image.height, view.image.width}, view.image,
             [&](uint8_t* pixel, int64_t y, int64_t x) {
               const int64_t from_y = y * patch / view.cell, from_x = x * patch / view.cell;
               if (from_y < seen.height && from_x < seen.width)
                 std::copy_n(seen.row(from_y) + 3 * from_x, 3, pixel);
             });
  return view;
}

View fit_to(const View& view, Size2 size, int64_t stage) {
  const int64_t longest = std::max(view.map[0], view.map[1]), wanted = std::max(size[0], size[1])
                                                                       << stage;
  if (2 * wanted <= 3 * longest) return view;  // by half: as large as the other pictures, about
  View smaller = view;
  smaller.cell = std::min(view.cell, std::max(kLeastCell, view.cell * longest / wanted));
  smaller.image = blank({view.map[0] * smaller.cell, view.map[1] * smaller.cell});
  for_pixels({0, 0, smaller.image.height, smaller.image.width}, smaller.image,
             [&](uint8_t* pixel, int64_t y, int64_t x) {
               const int64_t from_y = y * view.cell / smaller.cell,
                             from_x = x * view.cell / smaller.cell;
               std::copy_n(view.image.row(from_y) + 3 * from_x, 3, pixel);
             });
  return smaller;
}

Image dimmed(const Image& image) {
  Image gray, drawn;
  data::convert_channels(image, 1, gray);
  data::convert_channels(gray, 3, drawn);
  for (uint8_t& value : drawn.pixels) value = static_cast<uint8_t>(value * 2 / 3);
  return drawn;
}

}  // namespace swin::trainers
