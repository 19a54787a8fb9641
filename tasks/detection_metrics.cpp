#include "tasks/detection_metrics.h"

#include <algorithm>
#include <limits>
#include <map>
#include <numeric>
#include <tuple>
#include <utility>

#include "base/errors.h"
#include "data/run_lengths.h"

namespace swin::tasks {
namespace {

constexpr size_t kThresholds = DetectionMetrics::kThresholds, kRecalls = DetectionMetrics::kRecalls,
                 kAreas = DetectionMetrics::kAreas;
using Curve = std::array<double, kRecalls>;

struct AreaRange {
  double least, most;  // both included
  bool contains(double area) const { return area >= least && area <= most; }
};
constexpr std::array<AreaRange, kAreas> kAreaRanges = {
    {{0, 1e10}, {0, 32 * 32}, {32 * 32, 96 * 96}, {96 * 96, 1e10}}};  // all, small, medium, large

/// numpy.linspace: i · step + first, and exactly `last` at the end.
template <size_t kCount>
std::array<double, kCount> linspace(double first, double last) {
  std::array<double, kCount> values;
  const double step = (last - first) / static_cast<double>(kCount - 1);
  for (size_t i = 0; i < kCount; ++i) values[i] = static_cast<double>(i) * step + first;
  values.back() = last;
  return values;
}

/// numpy's sum: pairs of halves down to 128 values, there eight running sums.
double pairwise_sum(std::span<const double> values) {
  const size_t n = values.size();
  if (n < 8) {
    double sum = 0;
    for (const double value : values) sum += value;
    return sum;
  }
  if (n > 128) {
    const size_t half = n / 2 - n / 2 % 8;
    return pairwise_sum(values.first(half)) + pairwise_sum(values.subspan(half));
  }
  std::array<double, 8> r;
  std::copy_n(values.begin(), 8, r.begin());
  size_t i = 8;
  for (; i + 8 <= n; i += 8)
    for (size_t j = 0; j < 8; ++j) r[j] += values[i + j];
  double sum = ((r[0] + r[1]) + (r[2] + r[3])) + ((r[4] + r[5]) + (r[6] + r[7]));
  for (; i < n; ++i) sum += values[i];
  return sum;
}

/// The mean of the values that are not −1; −1 without one.
double mean_of(std::vector<double> values) {
  std::erase_if(values, [](double value) { return value <= -1; });
  return values.empty() ? -1 : pairwise_sum(values) / static_cast<double>(values.size());
}

/// Precision at the points of recall, and the highest recall.
struct Measured {
  Curve precision;
  double recall = 0;
};

/// @param outcomes by falling score: (true positive, false positive), at most one of them 1
Measured measure(const std::vector<std::pair<bool, bool>>& outcomes, int64_t objects) {
  Measured measured;
  measured.precision.fill(0);
  std::vector<double> recall, precision;
  recall.reserve(outcomes.size());
  precision.reserve(outcomes.size());
  int64_t right = 0, wrong = 0;
  for (const auto& [is_right, is_wrong] : outcomes) {
    right += is_right;
    wrong += is_wrong;
    const auto true_positives = static_cast<double>(right),
               false_positives = static_cast<double>(wrong);
    recall.push_back(true_positives / static_cast<double>(objects));
    precision.push_back(true_positives / (false_positives + true_positives +
                                          std::numeric_limits<double>::epsilon()));
  }
  if (!recall.empty()) measured.recall = recall.back();
  for (size_t i = precision.size(); i-- > 1;)
    precision[i - 1] = std::max(precision[i - 1], precision[i]);
  const Curve& points = DetectionMetrics::recalls();
  for (size_t r = 0; r < kRecalls; ++r) {
    const auto at = std::lower_bound(recall.begin(), recall.end(), points[r]);
    if (at == recall.end()) break;
    measured.precision[r] = precision[static_cast<size_t>(at - recall.begin())];
  }
  return measured;
}

}  // namespace

const std::array<double, kThresholds>& DetectionMetrics::thresholds() {
  static const auto values = linspace<kThresholds>(.5, .95);
  return values;
}
const std::array<double, kRecalls>& DetectionMetrics::recalls() {
  static const auto values = linspace<kRecalls>(0, 1);
  return values;
}

double overlap(const Region& d, const Region& g, bool crowd, Compared compared) {
  if (compared == Compared::masks) {
    const int64_t common = data::count_common(*d.mask, *g.mask);
    if (common == 0) return 0;
    const int64_t area = data::count_pixels(*d.mask);
    return static_cast<double>(common) /
           static_cast<double>(crowd ? area : area + data::count_pixels(*g.mask) - common);
  }
  const double width = std::min(d.x + d.width, g.x + g.width) - std::max(d.x, g.x);
  if (width <= 0) return 0;
  const double height = std::min(d.y + d.height, g.y + g.height) - std::max(d.y, g.y);
  if (height <= 0) return 0;
  const double common = width * height, area = d.width * d.height;
  return common / (crowd ? area : area + g.width * g.height - common);
}

DetectionMetrics::DetectionMetrics(int64_t classes, Compared compared)
    : compared_(compared), classes_(static_cast<size_t>(classes)) {}

void DetectionMetrics::add(int64_t image, std::span<const TrueObject> truth,
                           std::span<const DetectedObject> detections) {
  struct OfImage {
    std::vector<const TrueObject*> truth;
    std::vector<const DetectedObject*> detections;
  };
  std::map<int64_t, OfImage> by_class;
  for (const TrueObject& object : truth) by_class[object.class_index].truth.push_back(&object);
  for (const DetectedObject& detection : detections)
    by_class[detection.class_index].detections.push_back(&detection);
  for (auto& [class_index, of_image] : by_class) {
    if (class_index < 0 || class_index >= classes())
      throw base::InternalError("detection metrics", "found class " + std::to_string(class_index) +
                                                         " of " + std::to_string(classes()));
    add_class(image, of_image.truth, std::move(of_image.detections),
              classes_[static_cast<size_t>(class_index)]);
  }
}

void DetectionMetrics::add_class(int64_t image, const std::vector<const TrueObject*>& truth,
                                 std::vector<const DetectedObject*> detections, OfClass& to) const {
  std::stable_sort(detections.begin(), detections.end(),
                   [](const auto* a, const auto* b) { return a->score > b->score; });
  if (std::ssize(detections) > kMaxDetections) detections.resize(kMaxDetections);
  std::vector<double> overlaps;  // (detection, object)
  overlaps.reserve(detections.size() * truth.size());
  for (const DetectedObject* detection : detections)
    for (const TrueObject* object : truth)
      overlaps.push_back(overlap(detection->region, object->region, object->crowd, compared_));

  const size_t begin = to.detections.size();
  for (size_t d = 0; d < detections.size(); ++d)
    to.detections.push_back({detections[d]->score, image, static_cast<int32_t>(d), {}});
  for (size_t area = 0; area < kAreas; ++area) {
    const auto ignored = [&](size_t g) {
      return truth[g]->crowd || !kAreaRanges[area].contains(truth[g]->area);
    };
    std::vector<size_t> order(truth.size());  // those that are ignored come last
    std::iota(order.begin(), order.end(), size_t{0});
    const auto first_ignored =
        std::stable_partition(order.begin(), order.end(), [&](size_t g) { return !ignored(g); });
    to.objects[area] += first_ignored - order.begin();
    for (size_t t = 0; t < kThresholds; ++t) {
      const auto bit = static_cast<uint16_t>(1u << t);
      std::vector<bool> taken(truth.size());
      for (size_t d = 0; d < detections.size(); ++d) {
        double best = std::min(thresholds()[t], 1 - 1e-10);
        size_t match = truth.size();
        for (const size_t g : order) {
          if (taken[g] && !truth[g]->crowd) continue;
          if (match < truth.size() && !ignored(match) && ignored(g)) break;
          if (overlaps[d * truth.size() + g] < best) continue;
          best = overlaps[d * truth.size() + g];  // of equal ones the last
          match = g;
        }
        Outcome& outcome = to.detections[begin + d].outcomes[area];
        if (match < truth.size()) {
          taken[match] = true;
          outcome.matched |= bit;
          if (ignored(match)) outcome.ignored |= bit;
        } else if (!kAreaRanges[area].contains(detections[d]->area)) {
          outcome.ignored |= bit;
        }
      }
    }
  }
}

void DetectionMetrics::merge(const DetectionMetrics& other) {
  if (other.classes() != classes() || other.compared_ != compared_)
    throw base::InternalError("detection metrics", "found metrics of another kind");
  for (size_t k = 0; k < classes_.size(); ++k) {
    OfClass& to = classes_[k];
    const OfClass& from = other.classes_[k];
    to.detections.insert(to.detections.end(), from.detections.begin(), from.detections.end());
    for (size_t area = 0; area < kAreas; ++area) to.objects[area] += from.objects[area];
  }
}

DetectionMetrics::Result DetectionMetrics::result() const {
  struct Summed {
    const char* name;
    size_t area;
    int32_t max_detections;
  };
  // Of each, precision and recall by (threshold, class).
  constexpr std::array<Summed, 6> kSummed = {{{"100", 0, 100},
                                              {"small", 1, 100},
                                              {"medium", 2, 100},
                                              {"large", 3, 100},
                                              {"1", 0, 1},
                                              {"10", 0, 10}}};
  const size_t classes = classes_.size();
  std::array<std::vector<Curve>, kSummed.size()> precision;
  std::array<std::vector<double>, kSummed.size()> recall;
  Curve none;
  none.fill(-1);
  for (size_t s = 0; s < kSummed.size(); ++s) {
    precision[s].assign(kThresholds * classes, none);
    recall[s].assign(kThresholds * classes, -1);
  }
  Result result;
  result.classes.resize(classes);
  for (size_t k = 0; k < classes; ++k) {
    std::vector<const Scored*> order;
    for (const Scored& detection : classes_[k].detections) order.push_back(&detection);
    std::sort(order.begin(), order.end(), [](const Scored* a, const Scored* b) {
      return std::tie(b->score, a->image, a->rank) < std::tie(a->score, b->image, b->rank);
    });
    for (size_t s = 0; s < kSummed.size(); ++s) {
      const auto& [name, area, max_detections] = kSummed[s];
      const int64_t objects = classes_[k].objects[area];
      if (objects == 0) continue;
      for (size_t t = 0; t < kThresholds; ++t) {
        std::vector<std::pair<bool, bool>> outcomes;
        for (const Scored* detection : order) {
          if (detection->rank >= max_detections) continue;
          const bool matched = detection->outcomes[area].matched >> t & 1,
                     counts = !(detection->outcomes[area].ignored >> t & 1);
          outcomes.emplace_back(matched && counts, !matched && counts);
        }
        const Measured measured = measure(outcomes, objects);
        precision[s][t * classes + k] = measured.precision;
        recall[s][t * classes + k] = measured.recall;
      }
    }
  }

  // Means in the order threshold, recall, class: the order of numpy's array.
  const auto mean_precision = [&](size_t s, size_t first, size_t end, size_t first_class,
                                  size_t end_class) {
    std::vector<double> values;
    for (size_t t = first; t < end; ++t)
      for (size_t r = 0; r < kRecalls; ++r)
        for (size_t k = first_class; k < end_class; ++k)
          values.push_back(precision[s][t * classes + k][r]);
    return mean_of(std::move(values));
  };
  const std::string prefix = compared_ == Compared::boxes ? "box_" : "segm_";
  const auto add = [&](const std::string& name, double value) {
    result.metrics.emplace_back(prefix + name, value);
  };
  add("AP", mean_precision(0, 0, kThresholds, 0, classes));
  add("AP50", mean_precision(0, 0, 1, 0, classes));
  add("AP75", mean_precision(0, 5, 6, 0, classes));
  for (const size_t s : {1, 2, 3})
    add(std::string("AP_") + kSummed[s].name, mean_precision(s, 0, kThresholds, 0, classes));
  for (const size_t s : {4, 5, 0, 1, 2, 3})
    add(std::string("AR_") + kSummed[s].name, mean_of(recall[s]));
  for (size_t k = 0; k < classes; ++k) {
    Result::OfClass& of = result.classes[k];
    of.objects = classes_[k].objects[0];
    of.ap = mean_precision(0, 0, kThresholds, k, k + 1);
    of.ap50 = mean_precision(0, 0, 1, k, k + 1);
    of.ap75 = mean_precision(0, 5, 6, k, k + 1);
    std::vector<double> recalls_of_class;
    for (size_t t = 0; t < kThresholds; ++t) {
      recalls_of_class.push_back(recall[0][t * classes + k]);
      of.precision[t] = precision[0][t * classes + k];
    }
    of.ar = mean_of(recalls_of_class);
  }
  return result;
}

}  // namespace swin::tasks
