#include "tasks/detection/errors.h"

#include <algorithm>
#include <string>
#include <utility>

#include "base/errors.h"
#include "data/run_lengths.h"
#include "tasks/detection/boxes.h"

namespace swin::tasks {
namespace {

constexpr double kFound = .5, kBackground = .1;
constexpr std::array<const char*, DetectionErrors::kKinds> kNames = {"Cls",  "Loc", "Both",
                                                                     "Dupe", "Bkg", "Miss"};

/// The IoU of a detection with each object that `counts`, the highest and the first with it.
struct Best {
  double iou = 0;
  size_t object = 0;
};
template <class Counts>
Best best_of(std::span<const double> ious, const Counts& counts) {
  Best best;
  for (size_t g = 0; g < ious.size(); ++g)
    if (counts(g) && ious[g] > best.iou) best = {ious[g], g};
  return best;
}

/// Boxes around masks, so that most pairs of masks need not be compared.
template <class T>
std::vector<data::BoundingBox> boxes_around(const std::vector<const T*>& all, Compared compared) {
  std::vector<data::BoundingBox> boxes;
  for (const T* one : all) {
    const Region& region = one->region;
    boxes.push_back(compared == Compared::masks
                        ? data::box_of(*region.mask)
                        : data::BoundingBox{region.x, region.y, region.x + region.width,
                                            region.y + region.height});
  }
  return boxes;
}

/// The precision at recall 0, 0.01 … 1 as COCO reads it, without its ε.
/// @param points (score, right) of the detections of a class
double average_precision(std::vector<std::pair<double, bool>> points, int64_t objects) {
  if (objects == 0) return 0;
  std::stable_sort(points.begin(), points.end(),
                   [](const auto& a, const auto& b) { return a.first > b.first; });
  std::vector<double> precision, recall;
  double right = 0;
  for (size_t i = 0; i < points.size(); ++i) {
    right += points[i].second;
    precision.push_back(right / static_cast<double>(i + 1));
    recall.push_back(right / static_cast<double>(objects));
  }
  for (size_t i = precision.size(); i-- > 1;)
    precision[i - 1] = std::max(precision[i - 1], precision[i]);
  double sum = 0;
  for (int point = 0; point <= 100; ++point) {
    const auto at = std::lower_bound(recall.begin(), recall.end(), point / 100.);
    if (at != recall.end()) sum += precision[static_cast<size_t>(at - recall.begin())];
  }
  return sum / 101;
}

}  // namespace

/// The detections and objects of each class.
struct DetectionErrors::Curve {
  struct OfClass {
    std::vector<std::pair<double, bool>> points;
    int64_t objects = 0;
    bool counts() const { return !points.empty() || objects != 0; }
  };
  std::vector<OfClass> classes;

  OfClass& of(int64_t class_index) { return classes[static_cast<size_t>(class_index)]; }

  double mean() const {
    double sum = 0;
    int64_t count = 0;
    for (const OfClass& of_class : classes) {
      if (!of_class.counts()) continue;
      sum += average_precision(of_class.points, of_class.objects);
      ++count;
    }
    return count == 0 ? 0 : sum / static_cast<double>(count);
  }
};

DetectionErrors::DetectionErrors(int64_t classes, Compared compared)
    : compared_(compared), classes_(classes) {}

void DetectionErrors::add(int64_t image, std::span<const TrueObject> truth,
                          std::span<const DetectedObject> detections) {
  const auto check = [&](int64_t class_index) {
    if (class_index < 0 || class_index >= classes_)
      throw base::InternalError("detection errors", "found class " + std::to_string(class_index) +
                                                        " of " + std::to_string(classes_));
  };
  std::vector<const TrueObject*> objects, crowds;
  for (const TrueObject& object : truth) {
    check(object.class_index);
    (object.crowd ? crowds : objects).push_back(&object);
  }
  std::vector<const DetectedObject*> found;
  for (const DetectedObject& detection : detections) {
    check(detection.class_index);
    found.push_back(&detection);
  }
  std::stable_sort(found.begin(), found.end(),
                   [](const auto* a, const auto* b) { return a->score > b->score; });
  if (std::ssize(found) > kMaxDetections) found.resize(kMaxDetections);

  OfImage of_image{image, {}, {}, {}};
  for (const TrueObject* object : objects) of_image.classes.push_back(object->class_index);
  std::vector<double> all_ious;  // (detection, object)
  const std::vector<data::BoundingBox> around_found = boxes_around(found, compared_),
                                       around_objects = boxes_around(objects, compared_);
  for (size_t d = 0; d < found.size(); ++d)
    for (size_t g = 0; g < objects.size(); ++g)
      all_ious.push_back(meet(around_found[d], around_objects[g])
                             ? overlap(found[d]->region, objects[g]->region, false, compared_)
                             : 0);
  const auto ious = [&](size_t d) {
    return std::span<const double>(all_ious).subspan(d * objects.size(), objects.size());
  };

  std::vector<bool> taken(objects.size());
  for (size_t d = 0; d < found.size(); ++d) {
    const int64_t class_index = found[d]->class_index;
    Detection detection{class_index, found[d]->score};
    const Best best = best_of(
        ious(d), [&](size_t g) { return !taken[g] && objects[g]->class_index == class_index; });
    detection.right = best.iou >= kFound;
    if (detection.right)
      taken[best.object] = true;
    else
      detection.ignored = std::any_of(crowds.begin(), crowds.end(), [&](const TrueObject* crowd) {
        return crowd->class_index == class_index &&
               overlap(found[d]->region, crowd->region, true, compared_) > kFound;
      });
    of_image.detections.push_back(detection);
  }

  // Of an object that was not found, the error of the highest score that could be put right.
  struct Fixed {
    const Detection* by = nullptr;
    bool any = false;
  };
  std::vector<Fixed> fixed(objects.size());
  std::vector<size_t> object_of(found.size(), objects.size());
  for (size_t d = 0; d < found.size(); ++d) {
    Detection& detection = of_image.detections[d];
    if (detection.right) continue;
    const auto same = [&](size_t g) { return objects[g]->class_index == detection.class_index; };
    const Best of_class = best_of(ious(d), same);
    const Best of_others = best_of(ious(d), [&](size_t g) { return !same(g); });
    const Best of_taken = best_of(ious(d), [&](size_t g) { return same(g) && taken[g]; });
    const Best of_all = best_of(ious(d), [](size_t) { return true; });
    if (of_class.iou >= kBackground && of_class.iou <= kFound) {
      detection.error = DetectionError::localization;
      object_of[d] = of_class.object;
    } else if (of_others.iou >= kFound) {
      detection.error = DetectionError::classification;
      object_of[d] = of_others.object;
    } else if (of_taken.iou >= kFound) {
      detection.error = DetectionError::duplicate;
    } else {
      detection.error =
          of_all.iou <= kBackground ? DetectionError::background : DetectionError::both;
    }
    const size_t g = object_of[d];
    if (g == objects.size() || taken[g] || fixed[g].by) continue;
    fixed[g].by = &detection;
    detection.right_class = objects[g]->class_index;
  }
  for (size_t g = 0; g < objects.size(); ++g)
    if (!taken[g]) of_image.missed.push_back({objects[g]->class_index, fixed[g].by != nullptr});
  images_.push_back(std::move(of_image));
}

void DetectionErrors::merge(const DetectionErrors& other) {
  if (other.classes_ != classes_ || other.compared_ != compared_)
    throw base::InternalError("detection errors", "found errors of another kind");
  images_.insert(images_.end(), other.images_.begin(), other.images_.end());
}

DetectionErrors::Result DetectionErrors::result() const {
  std::vector<const OfImage*> images;
  for (const OfImage& of_image : images_) images.push_back(&of_image);
  std::stable_sort(images.begin(), images.end(),
                   [](const OfImage* a, const OfImage* b) { return a->image < b->image; });

  Result result;
  Curve original;
  original.classes.resize(static_cast<size_t>(classes_));
  Curve without_points = original;
  for (const OfImage* of_image : images) {
    for (const int64_t class_index : of_image->classes) ++original.of(class_index).objects;
    for (const Detection& detection : of_image->detections) {
      if (!detection.right) ++result.counts[static_cast<size_t>(detection.error)];
      if (!detection.ignored)
        original.of(detection.class_index).points.emplace_back(detection.score, detection.right);
    }
    for (const Missed& missed : of_image->missed)
      result.counts[static_cast<size_t>(DetectionError::missed)] += !missed.found_by_fixing;
  }
  int64_t objects = 0;
  for (size_t k = 0; k < original.classes.size(); ++k) {
    without_points.classes[k].objects = original.classes[k].objects;
    objects += original.classes[k].objects;
  }
  const double ap = original.mean();

  // Wrong detections stand before right ones of the same score.
  const auto changed = [&](const auto& fixes, const auto& score_of) {
    Curve curve = without_points;
    for (const OfImage* of_image : images)
      for (const Detection& detection : of_image->detections) {
        if (detection.right) continue;
        if (!fixes(detection.error)) {
          if (!detection.ignored)
            curve.of(detection.class_index)
                .points.emplace_back(score_of(detection.score, false), false);
        } else if (detection.right_class >= 0) {
          curve.of(detection.right_class)
              .points.emplace_back(score_of(detection.score, true), true);
        }
      }
    for (const OfImage* of_image : images)
      for (const Detection& detection : of_image->detections)
        if (detection.right)
          curve.of(detection.class_index)
              .points.emplace_back(score_of(detection.score, true), true);
    return curve;
  };
  const auto same_score = [](double score, bool) { return score; };
  const auto none = [](DetectionError) { return false; };
  for (size_t kind = 0; kind < kKinds; ++kind) {
    const auto error = static_cast<DetectionError>(kind);
    Curve curve = changed([&](DetectionError other) { return other == error; }, same_score);
    if (error == DetectionError::missed)
      for (const OfImage* of_image : images)
        for (const Missed& missed : of_image->missed)
          curve.of(missed.class_index).objects -= !missed.found_by_fixing;
    result.gains[kind] = std::max(curve.mean() - ap, 0.);
  }
  result.false_positives =
      changed(none, [](double, bool right) { return right ? 1. : 0.; }).mean() - ap;
  Curve all_found = changed(none, same_score);
  for (const OfImage* of_image : images)
    for (const Missed& missed : of_image->missed) --all_found.of(missed.class_index).objects;
  result.false_negatives = all_found.mean() - ap;

  const std::string prefix = compared_ == Compared::boxes ? "box_dAP_" : "segm_dAP_";
  const auto add = [&](const char* name, double value) {
    result.metrics.emplace_back(prefix + name, objects == 0 ? -1 : value);
  };
  for (size_t kind = 0; kind < kKinds; ++kind) add(kNames[kind], result.gains[kind]);
  add("FalsePos", result.false_positives);
  add("FalseNeg", result.false_negatives);
  if (objects > 0) result.ap = ap;
  return result;
}

}  // namespace swin::tasks
