// A rectangle as image, label map and objects, and the test that they stay together.
#pragma once
#include <gtest/gtest.h>

#include <algorithm>
#include <string>
#include <vector>

#include "data/transforms/geometry.h"
#include "tests/data/test_files.h"

namespace swin::data {

// The sample as an image, padded.
inline const Image& through(const Geometry& geometry, const Image& image,
                            Interpolation interpolation, Image& to) {
  Bytes scratch;
  const Image& visible = resize_visible(geometry, image, interpolation, to, scratch);
  const Box& window = geometry.window;
  if (window == geometry.visible && !geometry.flip) return visible;
  Image padded;
  crop(visible, window_corner(geometry), window.height, window.width, padded);
  to = padded;
  for (int64_t y = 0; geometry.flip && y < to.height; ++y)
    for (int64_t x = 0; x < to.width; ++x)
      std::copy_n(padded.row(y) + x * to.channels, to.channels,
                  to.row(y) + (to.width - 1 - x) * to.channels);
  return to;
}

// A rectangle in every form: painted, as classes of pixels, as a box, a polygon and run lengths.
struct Rectangle {
  Image image;
  LabelMap map;
  Objects objects;
};

inline constexpr uint16_t kOutside = 3, kInside = 200;

inline Rectangle paint(int64_t height, int64_t width, const Box& box) {
  Rectangle painted;
  painted.image.reshape(height, width, 1);
  painted.map = {height, width,
                 std::vector<uint16_t>(static_cast<size_t>(height * width), kOutside)};
  Bytes mask(static_cast<size_t>(height * width));
  for (int64_t y = box.top; y < box.top + box.height; ++y)
    for (int64_t x = box.left; x < box.left + box.width; ++x) {
      const auto at = static_cast<size_t>(y * width + x);
      painted.image.pixels[at] = 255;
      painted.map.classes[at] = kInside;
      mask[at] = 1;
    }
  const double x1 = static_cast<double>(box.left), x2 = x1 + static_cast<double>(box.width);
  const double y1 = static_cast<double>(box.top), y2 = y1 + static_cast<double>(box.height);
  const BoundingBox bounds{x1, y1, x2, y2};
  const std::vector<Polygon> polygons = {{{x1, y1}, {x2, y1}, {x2, y2}, {x1, y2}}};
  painted.objects = {height,
                     width,
                     {{bounds, 4, {}, true, bounds.area()},
                      {bounds, 5, polygons, false, bounds.area()},
                      {bounds, 6, to_run_lengths(mask, height, width), false, bounds.area()}}};
  return painted;
}

// The box around the pixels that are inside.
template <class Inside>
BoundingBox box_around(int64_t height, int64_t width, const Inside& inside) {
  BoundingBox box{1e9, 1e9, -1e9, -1e9};
  for (int64_t y = 0; y < height; ++y)
    for (int64_t x = 0; x < width; ++x) {
      if (!inside(static_cast<size_t>(y * width + x))) continue;
      const auto column = static_cast<double>(x), row = static_cast<double>(y);
      box = {std::min(box.x1, column), std::min(box.y1, row), std::max(box.x2, column + 1),
             std::max(box.y2, row + 1)};
    }
  return box;
}

inline void expect_near(const BoundingBox& a, const BoundingBox& b, double most,
                        const std::string& what) {
  EXPECT_NEAR(a.x1, b.x1, most) << what;
  EXPECT_NEAR(a.y1, b.y1, most) << what;
  EXPECT_NEAR(a.x2, b.x2, most) << what;
  EXPECT_NEAR(a.y2, b.y2, most) << what;
}

/// How often a rectangle was still there, and how often it was not.
struct Followed {
  int64_t compared = 0, dropped = 0;
};

/// Image, map, boxes and masks of the sample show the rectangle in the same place, within a pixel.
inline void expect_following(const Rectangle& painted, const Geometry& geometry,
                             Followed& followed) {
  Image to;
  const Image& image = through(geometry, painted.image, Interpolation::bilinear, to);
  const auto map = std::get<LabelMap>(transformed(geometry, painted.map));
  const auto objects = std::get<Objects>(transformed(geometry, painted.objects));
  const int64_t height = geometry.window.height, width = geometry.window.width;
  ASSERT_EQ((base::Size2{map.height, map.width}), (base::Size2{height, width}));
  ASSERT_EQ((base::Size2{image.height, image.width}), (base::Size2{height, width}));
  // A map is never interpolated, and its padding is that of the image.
  for (const uint16_t value : map.classes)
    ASSERT_TRUE(value == kOutside || value == kInside || value == LabelMap::kIgnored);
  const BoundingBox of_map =
      box_around(height, width, [&](size_t i) { return map.classes[i] == kInside; });
  if (objects.objects.size() < 3) {  // at most a sliver without the center of a pixel is left
    ASSERT_LE(std::min(of_map.x2 - of_map.x1, of_map.y2 - of_map.y1), 1);
    ++followed.dropped;
    return;
  }
  ++followed.compared;
  const BoundingBox& box = objects.objects[0].box;
  expect_near(of_map, box, 1, "label map");
  const BoundingBox of_image =
      box_around(height, width, [&](size_t i) { return image.pixels[i] >= 128; });
  if (box.x2 - box.x1 > 2 && box.y2 - box.y1 > 2) expect_near(of_image, box, 1, "image");
  BoundingBox of_polygon{1e9, 1e9, -1e9, -1e9};
  for (const Point& p : std::get<std::vector<Polygon>>(objects.objects[1].mask)[0])
    of_polygon = {std::min(of_polygon.x1, p.x), std::min(of_polygon.y1, p.y),
                  std::max(of_polygon.x2, p.x), std::max(of_polygon.y2, p.y)};
  expect_near(of_polygon, box, 1e-9, "polygon");
  expect_near(objects.objects[1].box, box, 1e-9, "box of the polygon");
  expect_near(objects.objects[2].box, box, 1, "box of the run lengths");
  const Bytes mask = to_pixels(std::get<RunLengths>(objects.objects[2].mask));
  for (size_t i = 0; i < mask.size(); ++i) ASSERT_EQ(mask[i] == 1, map.classes[i] == kInside);
  EXPECT_NEAR(objects.objects[0].area, box.area(), 1e-9 * box.area());
  EXPECT_NEAR(objects.objects[1].area, box.area(), 1e-9 * box.area());
  EXPECT_EQ(objects.objects[2].area, static_cast<double>(std::count(mask.begin(), mask.end(), 1)));
  EXPECT_TRUE(objects.objects[0].crowd);
  EXPECT_EQ(objects.objects[2].class_index, 6);
}

}  // namespace swin::data
