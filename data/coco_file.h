// COCO JSON: images, categories and annotations of objects (instances_val2017.json), and results of
// a detector. Files of any length are read token by token; of an annotation, its numbers are kept,
// and the place of its mask.
// Source: https://cocodataset.org, "Data format" and "Results format".
#pragma once
#include <array>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "data/annotation.h"
#include "files/mapped_file.h"

namespace swin::data {

/// An id of an image: a number, or a text as some programs write. 17 and "17" differ.
struct CocoId {
  int64_t number = 0;
  std::optional<std::string> text = {};
  std::string shown() const { return text ? '"' + *text + '"' : std::to_string(number); }
  auto operator<=>(const CocoId&) const = default;
};

struct CocoImage {
  CocoId id;
  std::string file_name;  ///< may hold folders
  int64_t height = 0, width = 0;
};

struct CocoCategory {
  int64_t id = 0;
  std::string name;
};

/// As the file has it: x, y of the upper left corner, and sizes.
struct CocoBox {
  double x = 0, y = 0, width = 0, height = 0;
  BoundingBox corners() const { return {x, y, x + width, y + height}; }
  bool operator==(const CocoBox&) const = default;
};

enum class CocoMask : uint8_t { none, polygons, runs };

/// What is wrong with an annotation, so that nothing can be learned from it.
enum class CocoFault : uint8_t {
  none,
  unknown_image,
  unknown_category,
  marked_ignore,    ///< "ignore": 1
  no_box,           ///< and no segmentation that has one
  no_size,          ///< a box whose width or height is not above 0
  below_one_pixel,  ///< a box whose width or height is less than 1
  outside,          ///< a box that does not touch its image
  no_area,          ///< an area that is not above 0
  broken_polygon,   ///< an odd count of numbers, or less than 6
};
inline constexpr size_t kCocoFaults = 10;
/// "unknown image_id", "box without size", …
const char* fault_text(CocoFault fault);
/// What is wrong with a box in an image of this size: no_size, below_one_pixel, outside or none.
CocoFault fault_of_box(const CocoBox& box, const base::Size2& image);

struct CocoAnnotation {
  CocoBox box;              ///< of the file, else around the mask
  double area = 0;          ///< of the file, else of the mask, else of the box
  double score = 0;         ///< of a result
  int64_t id = 0;           ///< 0 also where it is no number
  uint64_t mask_begin = 0;  ///< where its segmentation is in the file
  uint32_t mask_bytes = 0;
  int32_t image = -1;        ///< index of CocoFile::images(); −1: unknown
  int32_t class_index = -1;  ///< rank of its category among the sorted ids; −1: unknown
  CocoMask mask = CocoMask::none;
  CocoFault fault = CocoFault::none;
  bool crowd = false;
  bool has_box = true;  ///< in the file
};

/// Counts over a file.
struct CocoReport {
  struct Count {
    int64_t count = 0;
    std::vector<int64_t> first;  ///< indices of the first few
  };
  std::array<Count, kCocoFaults> faults;  ///< annotations by CocoFault; [none] are without fault
  Count duplicate_ids;                    ///< annotations with the id of an earlier one
  Count short_polygons;  ///< annotations with polygons that were left out, beside others
  Count without_area, without_crowd;  ///< annotations without these fields
  int64_t crowds = 0, polygons = 0, runs = 0, without_mask = 0;  ///< of those without fault
  int64_t images_without_objects = 0;  ///< that have no annotation without fault
  int64_t most_objects = 0;            ///< of one image, crowds not counted
  int64_t most_objects_image = -1;     ///< index of the first image that has as many
  int64_t images_above_100 = 0;        ///< with more than 100 of them
};

/// Annotations of a set. All methods are const; several threads may call them at once.
class CocoFile {
 public:
  /// Indexes the file. Annotations that cannot be learned from have a `fault` and are counted.
  /// @throws DataError naming the file, the entry and its value: for text that is not JSON, fields
  ///     that are missing or of another type, ids of images and categories that repeat, sizes of
  ///     images below 1 or above the largest images that are read, run lengths that do not cover
  ///     their image, and polygons whose points are no pixels.
  explicit CocoFile(const std::string& path);

  const std::string& path() const { return path_; }
  const std::vector<CocoImage>& images() const { return images_; }             ///< as in the file
  const std::vector<CocoCategory>& categories() const { return categories_; }  ///< by ascending id
  const std::vector<CocoAnnotation>& annotations() const { return annotations_; }
  /// Indices of the annotations of an image in the order of the file, with and without fault.
  std::span<const int32_t> annotations_of(int64_t image) const;
  /// Indices of the images by ascending id.
  std::span<const int32_t> images_by_id() const { return by_id_; }
  /// Its index, −1 if there is none.
  int64_t find_image(const CocoId& id) const;
  /// Its rank, −1 if there is none.
  int64_t find_category(int64_t id) const;

  /// The mask as the file has it.
  /// @throws DataError for polygons of less than 3 points.
  Mask mask(int64_t annotation) const;
  /// The mask as runs, of the size of its image.
  /// @throws DataError without a mask; as rasterize.
  RunLengths runs(int64_t annotation) const;
  /// The annotations of an image without fault.
  Objects objects(int64_t image) const;

  const CocoReport& report() const { return report_; }
  /// "annotations[12] (id 34)", for messages.
  std::string annotation_name(int64_t annotation) const;

 private:
  void sort_images();
  void sort_categories();
  void judge(CocoAnnotation& annotation) const;
  void sort_by_image();
  void count();

  std::string path_;
  files::MappedFile file_;
  std::vector<CocoImage> images_;
  std::vector<CocoCategory> categories_;
  std::vector<CocoAnnotation> annotations_;
  std::vector<int64_t> first_of_image_;  // places in by_image_
  std::vector<int32_t> by_image_;
  std::vector<int32_t> by_id_;
  CocoReport report_;
};

/// What a detector found in the images of a set.
class CocoResults {
 public:
  /// @throws DataError as CocoFile, and naming results of images or categories that `truth` does
  /// not
  ///     have.
  CocoResults(const std::string& path, const CocoFile& truth);

  const std::string& path() const { return path_; }
  /// With score; `area` is that of the box, of results without a box that of the mask.
  const std::vector<CocoAnnotation>& results() const { return results_; }
  /// The mask as runs, of the size of its image.
  RunLengths runs(int64_t result) const;
  int64_t num_masks() const;  ///< results with a segmentation
  bool have_masks() const { return num_masks() == static_cast<int64_t>(results_.size()); }

 private:
  std::string path_;
  files::MappedFile file_;
  const CocoFile& truth_;
  std::vector<CocoAnnotation> results_;
};

}  // namespace swin::data
