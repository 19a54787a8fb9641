#include "data/run_lengths.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <limits>

#include "base/errors.h"
#include "base/text.h"

namespace swin::data {
namespace {

constexpr char kMask[] = "mask", kPolygon[] = "polygon";

void check_size(int64_t height, int64_t width) {
  constexpr int64_t kMost = std::numeric_limits<uint32_t>::max();
  if (height < 1 || width < 1 || height > kMost || width > kMost / height)
    throw base::DataError(kMask, "found the size " + base::size_text(height, width) +
                                     ", expected one of 1 to " + std::to_string(kMost) + " pixels");
}

[[noreturn]] void refuse_sum(int64_t sum, int64_t height, int64_t width) {
  throw base::DataError(kMask,
                        "found runs of " + std::to_string(sum) + " pixels, expected the " +
                            std::to_string(height * width) + " of " +
                            base::size_text(height, width),
                        "write counts column by column for the size [height, width]");
}

/// The runs of two masks side by side: calls `visit(pixels, in_a, in_b)` for each stretch in which
/// neither changes.
template <class Visit>
void walk(const RunLengths& a, const RunLengths& b, const Visit& visit) {
  size_t run_a = 0, run_b = 0;
  uint32_t left_a = a.counts.empty() ? 0 : a.counts[0], left_b = b.counts.empty() ? 0 : b.counts[0];
  while (true) {
    while (left_a == 0 && run_a + 1 < a.counts.size()) left_a = a.counts[++run_a];
    while (left_b == 0 && run_b + 1 < b.counts.size()) left_b = b.counts[++run_b];
    const uint32_t pixels = std::min(left_a, left_b);
    if (pixels == 0) return;
    visit(pixels, run_a % 2 == 1, run_b % 2 == 1);
    left_a -= pixels;
    left_b -= pixels;
  }
}

struct GridPoint {
  int64_t x = 0, y = 0;
};

constexpr double kScale = 5;  // of the grid that outlines are drawn on

GridPoint to_grid(const Point& point) {
  return {static_cast<int64_t>(kScale * point.x + .5), static_cast<int64_t>(kScale * point.y + .5)};
}

/// Calls `visit(point)` for the points of the grid from one to the other, both included. The line
/// is computed from its end with the smaller coordinate, whatever its direction.
template <class Visit>
void draw_line(GridPoint from, GridPoint to, const Visit& visit) {
  const int64_t dx = std::abs(to.x - from.x), dy = std::abs(to.y - from.y);
  if (dx == 0 && dy == 0) return;
  const bool along_x = dx >= dy;
  const bool backward = along_x ? from.x > to.x : from.y > to.y;
  if (backward) std::swap(from, to);
  const int64_t steps = along_x ? dx : dy;
  const double slope =
      static_cast<double>(along_x ? to.y - from.y : to.x - from.x) / static_cast<double>(steps);
  for (int64_t i = 0; i <= steps; ++i) {
    const int64_t step = backward ? steps - i : i;
    const double across =
        static_cast<double>(along_x ? from.y : from.x) + slope * static_cast<double>(step) + .5;
    const auto other = static_cast<int64_t>(across);
    visit(along_x ? GridPoint{from.x + step, other} : GridPoint{other, from.y + step});
  }
}

/// A bit for each pixel in the order of the runs: set where the mask begins or ends. An outline
/// that passes twice leaves no change.
class Changes {
 public:
  Changes(int64_t height, int64_t width)
      : height_(height), width_(width), bits_(static_cast<size_t>((height * width + 63) / 64)) {}

  /// The outline went from one point of the grid to the next: where it leaves the center line of
  /// a column, the pixels below it change sides.
  void step(const GridPoint& from, const GridPoint& to) {
    if (from.x == to.x) return;
    const double column = (static_cast<double>(to.x < from.x ? to.x : to.x - 1) + .5) / kScale - .5;
    if (std::floor(column) != column || column < 0 || column > static_cast<double>(width_ - 1))
      return;
    const double row = (static_cast<double>(std::min(from.y, to.y)) + .5) / kScale - .5;
    const auto first =
        static_cast<int64_t>(std::ceil(std::clamp(row, 0., static_cast<double>(height_))));
    const int64_t pixel = static_cast<int64_t>(column) * height_ + first;
    if (pixel < height_ * width_)
      bits_[static_cast<size_t>(pixel / 64)] ^= uint64_t{1} << (pixel % 64);
  }

  RunLengths runs() const {
    RunLengths mask{height_, width_, {}};
    int64_t begin = 0;
    for (size_t word = 0; word < bits_.size(); ++word)
      for (uint64_t bits = bits_[word]; bits != 0; bits &= bits - 1) {
        const int64_t at = static_cast<int64_t>(word) * 64 + std::countr_zero(bits);
        mask.counts.push_back(static_cast<uint32_t>(at - begin));
        begin = at;
      }
    mask.counts.push_back(static_cast<uint32_t>(height_ * width_ - begin));
    return mask;
  }

 private:
  int64_t height_, width_;
  std::vector<uint64_t> bits_;
};

RunLengths rasterize(const Polygon& polygon, int64_t height, int64_t width) {
  check_polygon(polygon, height, width);
  Changes changes(height, width);
  GridPoint last;
  bool begun = false;
  for (size_t i = 0; i < polygon.size(); ++i)
    draw_line(to_grid(polygon[i]), to_grid(polygon[(i + 1) % polygon.size()]),
              [&](const GridPoint& point) {
                if (begun) changes.step(last, point);
                begun = true;
                last = point;
              });
  return changes.runs();
}

}  // namespace

void check_polygon(const Polygon& polygon, int64_t height, int64_t width) {
  if (polygon.size() < 3)
    throw base::DataError(
        kPolygon, "found " + std::to_string(polygon.size()) + " points, expected at least 3",
        "remove it, or write a box as 4 points");
  double length = 0;
  for (size_t i = 0; i < polygon.size(); ++i) {
    const Point &a = polygon[i], &b = polygon[(i + 1) % polygon.size()];
    if (!(std::abs(a.x) <= 1e9 && std::abs(a.y) <= 1e9))
      throw base::DataError(kPolygon, "found the point " + std::to_string(a.x) + ", " +
                                          std::to_string(a.y) +
                                          ", expected finite numbers of pixels, at most 10⁹");
    length += std::max(std::abs(a.x - b.x), std::abs(a.y - b.y));
  }
  // An outline that visits every pixel four times, or leaves the image a hundred times.
  const double most =
      4. * static_cast<double>(height * width) + 100. * static_cast<double>(height + width);
  if (length > most)
    throw base::DataError(kPolygon,
                          "found an outline of " + std::to_string(std::llround(length)) +
                              " pixels, expected at most " + std::to_string(std::llround(most)) +
                              " in an image of " + base::size_text(height, width),
                          "correct its points: they are pixels of the image");
}

void check_runs(const RunLengths& mask) {
  check_size(mask.height, mask.width);
  int64_t sum = 0;
  for (const uint32_t count : mask.counts) sum += count;
  if (sum != mask.height * mask.width) refuse_sum(sum, mask.height, mask.width);
}

RunLengths read_counts(std::string_view counts, int64_t height, int64_t width) {
  check_size(height, width);
  RunLengths mask{height, width, {}};
  int64_t sum = 0;
  for (size_t at = 0; at < counts.size();) {
    const size_t begin = at;
    int64_t value = 0;
    bool more = true;
    for (int shift = 0; more; shift += 5, ++at) {
      if (at == counts.size() || shift > 35)
        throw base::DataError(kMask,
                              "found a run of counts without its end at byte " +
                                  std::to_string(begin) + ", expected 1 to 8 characters",
                              "write it with pycocotools, or as a list of numbers");
      const int code = static_cast<unsigned char>(counts[at]) - 48;
      if (code < 0 || code > 63)
        throw base::DataError(kMask,
                              "found byte " + std::to_string(code + 48) + " at byte " +
                                  std::to_string(at) + " of counts, expected the characters 0 to o",
                              "write it with pycocotools, or as a list of numbers");
      value |= int64_t{code & 31} << shift;
      more = (code & 32) != 0;
      if (!more && (code & 16) != 0) value -= int64_t{1} << (shift + 5);
    }
    const size_t run = mask.counts.size();
    if (run > 2) value += mask.counts[run - 2];
    if (value < 0 || value > height * width - sum)
      throw base::DataError(kMask,
                            "found a run of " + std::to_string(value) + " pixels, expected 0 to " +
                                std::to_string(height * width - sum) + ", what is left of " +
                                base::size_text(height, width),
                            "write counts column by column for the size [height, width]");
    sum += value;
    mask.counts.push_back(static_cast<uint32_t>(value));
  }
  if (sum != height * width) refuse_sum(sum, height, width);
  return mask;
}

std::string write_counts(const RunLengths& mask) {
  std::string text;
  for (size_t run = 0; run < mask.counts.size(); ++run) {
    int64_t value = mask.counts[run];
    if (run > 2) value -= mask.counts[run - 2];
    for (bool more = true; more;) {
      const int64_t part = value & 31;
      value >>= 5;
      more = (part & 16) != 0 ? value != -1 : value != 0;
      text += static_cast<char>(48 + part + (more ? 32 : 0));
    }
  }
  return text;
}

RunLengths rasterize(const std::vector<Polygon>& polygons, int64_t height, int64_t width) {
  check_size(height, width);
  if (polygons.empty())
    throw base::DataError(kPolygon, "found none, expected at least one of 3 points or more");
  RunLengths all = rasterize(polygons[0], height, width);
  for (size_t i = 1; i < polygons.size(); ++i)
    all = united(all, rasterize(polygons[i], height, width));
  return all;
}

BoundingBox box_of(const RunLengths& mask) {
  int64_t left = mask.width, top = mask.height, right = -1, bottom = -1, begin = 0;
  for (size_t run = 0; run < mask.counts.size(); ++run) {
    const int64_t end = begin + mask.counts[run];
    if (run % 2 == 1 && end > begin) {
      const int64_t last = end - 1;
      const bool crosses = begin / mask.height != last / mask.height;
      left = std::min(left, begin / mask.height);
      right = std::max(right, last / mask.height);
      top = crosses ? 0 : std::min(top, begin % mask.height);
      bottom = crosses ? mask.height - 1 : std::max(bottom, last % mask.height);
    }
    begin = end;
  }
  if (right < 0) return {};
  return {static_cast<double>(left), static_cast<double>(top), static_cast<double>(right + 1),
          static_cast<double>(bottom + 1)};
}

int64_t count_pixels(const RunLengths& mask) {
  int64_t pixels = 0;
  for (size_t run = 1; run < mask.counts.size(); run += 2) pixels += mask.counts[run];
  return pixels;
}

int64_t count_common(const RunLengths& a, const RunLengths& b) {
  int64_t common = 0;
  walk(a, b, [&](uint32_t pixels, bool in_a, bool in_b) {
    if (in_a && in_b) common += pixels;
  });
  return common;
}

RunLengths united(const RunLengths& a, const RunLengths& b) {
  if (a.height != b.height || a.width != b.width)
    throw base::InternalError("mask", "found a mask of " + base::size_text(b.height, b.width) +
                                          ", expected " + base::size_text(a.height, a.width));
  RunLengths all{a.height, a.width, {0}};
  walk(a, b, [&](uint32_t pixels, bool in_a, bool in_b) {
    if ((in_a || in_b) != (all.counts.size() % 2 == 0)) all.counts.push_back(0);
    all.counts.back() += pixels;
  });
  return all;
}

void draw(const RunLengths& mask, int64_t class_index, LabelMap& map) {
  int64_t at = 0;
  for (size_t run = 0; run < mask.counts.size(); ++run)
    for (const int64_t end = at + mask.counts[run]; at < end; ++at)
      if (run % 2 == 1)
        map.classes[static_cast<size_t>(at % mask.height * mask.width + at / mask.height)] =
            static_cast<uint16_t>(class_index);
}

LabelMap label_map_of(const Objects& all, const std::string& name) {
  LabelMap map{all.height, all.width,
               std::vector<uint16_t>(static_cast<size_t>(all.height * all.width), 0)};
  for (size_t i = 0; i < all.objects.size(); ++i) {
    const Object& object = all.objects[i];
    if (object.crowd) continue;
    if (const auto* runs = std::get_if<RunLengths>(&object.mask))
      draw(*runs, object.class_index + 1, map);
    else if (const auto* polygons = std::get_if<std::vector<Polygon>>(&object.mask))
      draw(rasterize(*polygons, all.height, all.width), object.class_index + 1, map);
    else
      throw base::DataError(name,
                            "found no mask of object " + std::to_string(i + 1) +
                                ", expected one: label maps are made of masks",
                            "add it or remove the object");
  }
  return map;
}

}  // namespace swin::data
