// COCO's average precision and average recall of detected objects, by boxes or by masks: the twelve
// numbers of pycocotools 2.0.11 to the last bit.
// Source: Lin et al. 2014, arXiv:1405.0312; https://cocodataset.org, "Evaluate".
#pragma once
#include <array>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "data/annotation.h"
#include "tasks/metrics.h"

namespace swin::tasks {

/// Where an object is, in pixels: its upper left corner and sizes for boxes, its mask for masks.
struct Region {
  double x = 0, y = 0, width = 0, height = 0;
  const data::RunLengths* mask = nullptr;  ///< of the size of its image
};

struct TrueObject {
  Region region;
  int64_t class_index = 0;
  double area = 0;
  bool crowd = false;  ///< a region of many: detections in it count nowhere
};

struct DetectedObject {
  Region region;
  int64_t class_index = 0;
  double score = 0;
  double area = 0;
};

enum class Compared { boxes, masks };

/// Adds up images, in any order, and gives the metrics of all of them.
class DetectionMetrics {
 public:
  static constexpr size_t kThresholds = 10, kRecalls = 101, kAreas = 4;
  static constexpr int64_t kMaxDetections = 100;  ///< of an image and class, by score
  /// Of the intersection over union: 0.5, 0.55 … 0.95.
  static const std::array<double, kThresholds>& thresholds();
  /// Where precision is read: recall 0, 0.01 … 1.
  static const std::array<double, kRecalls>& recalls();

  DetectionMetrics(int64_t classes, Compared compared);

  /// Adds an image.
  /// @param image its rank in the order of the set: decides between detections of equal scores
  /// @throws InternalError for classes beyond the number of classes.
  void add(int64_t image, std::span<const TrueObject> truth,
           std::span<const DetectedObject> detections);
  /// Adds the images of another part.
  void merge(const DetectionMetrics& other);

  int64_t classes() const { return static_cast<int64_t>(classes_.size()); }

  struct Result {
    /// AP, AP50, AP75, AP_small, AP_medium, AP_large, AR_1, AR_10, AR_100, AR_small, AR_medium,
    /// AR_large with the prefix "box_" or "segm_": 0 … 1, −1 where nothing counts.
    Metrics metrics;
    struct OfClass {
      int64_t objects = 0;  ///< true ones, crowds not counted
      /// Of all areas, with at most 100 detections; −1 without objects.
      double ap = -1, ap50 = -1, ap75 = -1, ar = -1;
      Metrics metrics() const {
        return {{"AP", ap}, {"AP50", ap50}, {"AP75", ap75}, {"AR_100", ar}};
      }
      /// (threshold, recall): precision of all areas; −1 without objects.
      std::array<std::array<double, kRecalls>, kThresholds> precision;
    };
    std::vector<OfClass> classes;
  };
  Result result() const;

 private:
  /// What became of a detection at one range of areas: a bit for each threshold.
  struct Outcome {
    uint16_t matched = 0, ignored = 0;
  };
  struct Scored {
    double score = 0;
    int64_t image = 0;
    int32_t rank = 0;  // by score among those of its image and class
    std::array<Outcome, kAreas> outcomes;
  };
  struct OfClass {
    std::vector<Scored> detections;
    std::array<int64_t, kAreas> objects = {};  // not ignored
  };

  void add_class(int64_t image, const std::vector<const TrueObject*>& truth,
                 std::vector<const DetectedObject*> detections, OfClass& to) const;

  Compared compared_;
  std::vector<OfClass> classes_;
};

/// The intersection over union of a detection with an object; over the area of the detection alone,
/// if the object is a crowd.
double overlap(const Region& detection, const Region& object, bool crowd, Compared compared);

}  // namespace swin::tasks
