// Which kinds of errors a detector makes, and how much average precision each kind costs.
// Source: Bolya et al. 2020, "TIDE: A General Toolbox for Identifying Object Detection Errors",
// arXiv:2008.08115; values are those of tidecv 1.0.1.
#pragma once
#include <array>
#include <cstdint>
#include <span>
#include <vector>

#include "tasks/detection_metrics.h"
#include "tasks/metrics.h"

namespace swin::tasks {

/// The kind of a detection that matches no object of its class (IoU at least 0.5, each object
/// once): the first that fits of localization, classification, duplicate, background and both. An
/// object that is not found is missed, unless an error of localization or classification is at it.
enum class DetectionError {
  classification,  ///< IoU at least 0.5 with an object of another class
  localization,    ///< IoU of 0.1 to 0.5 with an object of its class
  both,            ///< IoU above 0.1 with an object, otherwise as background
  duplicate,       ///< IoU at least 0.5 with an object of its class that is found already
  background,      ///< IoU at most 0.1 with all objects
  missed
};

/// Adds up images, in any order, and says what the errors of all of them cost.
class DetectionErrors {
 public:
  static constexpr size_t kKinds = 6;
  static constexpr int64_t kMaxDetections = 100;  ///< of an image, of all classes, by score

  DetectionErrors(int64_t classes, Compared compared);

  /// Adds an image.
  /// @param image its rank in the order of the set: decides between detections of equal scores
  /// @throws InternalError for classes beyond the number of classes.
  void add(int64_t image, std::span<const TrueObject> truth,
           std::span<const DetectedObject> detections);
  /// Adds the images of another part.
  void merge(const DetectionErrors& other);

  struct Result {
    /// At an IoU of 0.5, by tidecv's rules, which are not quite COCO's: the mean over all classes
    /// that have objects or detections; −1 without objects.
    double ap = -1;
    std::array<int64_t, kKinds> counts = {};  ///< of errors, in the order of DetectionError
    /// dAP of each kind: what AP gains when errors of this kind alone are put right, at least 0.
    /// One error of an object is put right, that of the highest score, and the others removed.
    std::array<double, kKinds> gains = {};
    /// What AP gains if wrong detections come after all right ones, and if objects that are not
    /// found are no objects. It may lose: detections of equal scores change places.
    double false_positives = 0, false_negatives = 0;
    /// dAP_Cls, dAP_Loc, dAP_Both, dAP_Dupe, dAP_Bkg, dAP_Miss, dAP_FalsePos, dAP_FalseNeg with the
    /// prefix "box_" or "segm_": 0 … 1; all −1 without objects.
    Metrics metrics;
  };
  Result result() const;

 private:
  struct Detection {
    int64_t class_index = 0;
    double score = 0;
    bool right = false, ignored = false;            // ignored: within a crowd
    DetectionError error = DetectionError::missed;  // of those that are not right
    /// Where the error can be put right: the class that it then is right in.
    int64_t right_class = -1;
  };
  struct Missed {
    int64_t class_index = 0;
    bool found_by_fixing = false;  // an error of localization or classification is at this object
  };
  struct OfImage {
    int64_t image = 0;
    std::vector<Detection> detections;  // by falling score
    std::vector<Missed> missed;
    std::vector<int64_t> classes;  // of the objects
  };
  struct Curve;

  Compared compared_;
  int64_t classes_;
  std::vector<OfImage> images_;
};

}  // namespace swin::tasks
