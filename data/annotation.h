// What is known about an image besides its pixels: plain data, the same for every format and task.
// Positions are in pixels of the image, x to the right and y down: the pixel in row y and column x
// covers [x, x + 1) × [y, y + 1), so that a box around it is x, y, x + 1, y + 1.
#pragma once
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <variant>
#include <vector>

#include "base/size2.h"
#include "data/image.h"

namespace swin::data {

struct OneClass {
  int64_t index = 0;
  bool operator==(const OneClass&) const = default;
};

/// Any number of classes.
struct Classes {
  std::vector<int64_t> indices;  ///< ascending, without duplicates
  bool operator==(const Classes&) const = default;
};

/// The class of every pixel.
struct LabelMap {
  /// Counts nowhere: neither in a loss nor in a metric. Formats translate their own value for it,
  /// such as 255 in files of 8 bits.
  static constexpr uint16_t kIgnored = 65535;
  int64_t height = 0, width = 0;  ///< those of the image
  std::vector<uint16_t> classes;  ///< (height, width)
  bool operator==(const LabelMap&) const = default;
};

struct Point {
  double x = 0, y = 0;
  bool operator==(const Point&) const = default;
};
using Polygon = std::vector<Point>;  ///< closed: an edge leads from the last point to the first

/// A mask as COCO's run lengths: column by column, pixels outside and inside by turns, beginning
/// with those outside (which may be none).
struct RunLengths {
  int64_t height = 0, width = 0;
  std::vector<uint32_t> counts;
  bool operator==(const RunLengths&) const = default;
};

/// None, the union of polygons, or run lengths.
using Mask = std::variant<std::monostate, std::vector<Polygon>, RunLengths>;

struct BoundingBox {
  double x1 = 0, y1 = 0, x2 = 0, y2 = 0;
  double area() const { return (x2 - x1) * (y2 - y1); }
  bool operator==(const BoundingBox&) const = default;
};

struct Object {
  BoundingBox box;
  int64_t class_index = 0;
  Mask mask = {};
  bool crowd = false;  ///< a region of many objects: no target, and matched by any number of them
  double area = 0;     ///< of the mask, else of the box, in pixels
  bool operator==(const Object&) const = default;
};

struct Objects {
  int64_t height = 0, width = 0;  ///< those of the image
  std::vector<Object> objects;
  bool operator==(const Objects&) const = default;
};

using Annotation = std::variant<std::monostate, OneClass, Classes, LabelMap, Objects>;

/// In the order of the alternatives of Annotation.
enum class AnnotationKind { none, one_class, classes, label_map, objects };
inline AnnotationKind kind_of(const Annotation& annotation) {
  return static_cast<AnnotationKind>(annotation.index());
}

inline bool has_pixels_or_objects(AnnotationKind kind) {
  return kind == AnnotationKind::label_map || kind == AnnotationKind::objects;
}

/// An image and what is known about it.
struct Sample {
  Image image;
  Annotation annotation;
};

/// The annotation of a set whose images have any number of classes (`many`) or exactly one.
template <class Integers>
Annotation classes_annotation(const Integers& indices, bool many) {
  if (many) return Classes{{indices.begin(), indices.end()}};
  return OneClass{indices.front()};
}

/// The classes of a whole image; empty for the other kinds.
std::vector<int64_t> classes_of(const Annotation& annotation);
/// The class, of several the first; else 0.
int64_t stratum_of(const Annotation& annotation);

/// @throws DataError naming the image unless a label map, objects and their masks are for an image
/// of this size.
void check_fits(const Annotation& annotation, const base::Size2& image, const std::string& name);

/// (height, width) of 0 and 1, rows from the top.
std::vector<uint8_t> to_pixels(const RunLengths& mask);
RunLengths to_run_lengths(std::span<const uint8_t> pixels, int64_t height, int64_t width);

/// The object whose pixels are not 0, with the box around them; nothing where all are.
std::optional<Object> object_of_pixels(std::span<const uint8_t> pixels, int64_t height,
                                       int64_t width, int64_t class_index);

/// Pixels of a mask; of polygons, the sum of their areas. 0 where there is none.
double area_of(const Mask& mask);

}  // namespace swin::data
