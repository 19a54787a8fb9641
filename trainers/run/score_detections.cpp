#include "trainers/run/score_detections.h"

#include <algorithm>

#include "base/counts.h"
#include "base/errors.h"
#include "base/text.h"
#include "data/coco_file.h"
#include "data/run_lengths.h"
#include "tasks/detection/errors.h"
#include "trainers/report/progress.h"
#include "trainers/run/evaluate.h"

namespace swin::trainers {
namespace {

using data::CocoAnnotation;
using data::CocoFile;
using data::CocoResults;
using tasks::Compared;
using tasks::DetectionMetrics;

/// Indices of the results of each image, in the order of the file.
std::vector<std::vector<int64_t>> by_image(const CocoResults& results, size_t images) {
  std::vector<std::vector<int64_t>> lists(images);
  for (size_t i = 0; i < results.results().size(); ++i)
    lists[static_cast<size_t>(results.results()[i].image)].push_back(static_cast<int64_t>(i));
  return lists;
}

/// Whether pycocotools looks at an annotation: faults of its box do not matter.
bool is_scored(const CocoAnnotation& annotation) {
  return annotation.image >= 0 && annotation.class_index >= 0 &&
         annotation.fault != data::CocoFault::no_box;
}

DetectionMetrics::Result measure(const CocoFile& truth, const CocoResults& results,
                                 Compared compared, Progress& progress, tasks::Metrics& costs) {
  const auto images = static_cast<int64_t>(truth.images().size());
  const bool masks = compared == Compared::masks;
  const auto results_of = by_image(results, truth.images().size());
  DetectionMetrics metrics(std::ssize(truth.categories()), compared);
  tasks::DetectionErrors errors(metrics.classes(), compared);
  for (int64_t rank = 0; rank < images; ++rank) {
    const int64_t image = truth.images_by_id()[static_cast<size_t>(rank)];
    const auto region = [](const data::CocoBox& box) {
      return tasks::Region{box.x, box.y, box.width, box.height, nullptr};
    };
    std::vector<tasks::TrueObject> objects;
    std::vector<tasks::DetectedObject> detections;
    std::vector<data::RunLengths> runs;  // of the objects, then of the detections
    for (const int32_t i : truth.annotations_of(image)) {
      const CocoAnnotation& annotation = truth.annotations()[static_cast<size_t>(i)];
      if (!is_scored(annotation)) continue;
      objects.push_back(
          {region(annotation.box), annotation.class_index, annotation.area, annotation.crowd});
      if (masks) runs.push_back(truth.runs(i));
    }
    for (const int64_t i : results_of[static_cast<size_t>(image)]) {
      const CocoAnnotation& result = results.results()[static_cast<size_t>(i)];
      detections.push_back({region(result.box), result.class_index, result.score, result.area});
      if (!masks) continue;
      runs.push_back(results.runs(i));
      detections.back().area = static_cast<double>(data::count_pixels(runs.back()));
    }
    if (masks) {
      for (size_t i = 0; i < objects.size(); ++i) objects[i].region.mask = &runs[i];
      for (size_t i = 0; i < detections.size(); ++i)
        detections[i].region.mask = &runs[objects.size() + i];
    }
    metrics.add(rank, objects, detections);
    errors.add(rank, objects, detections);
    progress.images(masks ? "comparing masks" : "comparing boxes", rank + 1, images);
  }
  for (const auto& metric : errors.result().metrics) costs.push_back(metric);
  return metrics.result();
}

std::string listed(const CocoFile& truth, const data::CocoReport::Count& count) {
  return truth.annotation_name(count.first[0]) + (count.count > 1 ? " …" : "");
}

std::vector<std::string> warnings_of(const CocoFile& truth, const CocoResults& results,
                                     const DetectionMetrics::Result& boxes) {
  std::vector<std::string> warnings;
  const data::CocoReport& report = truth.report();
  for (const data::CocoFault fault : {data::CocoFault::unknown_image,
                                      data::CocoFault::unknown_category, data::CocoFault::no_box}) {
    const data::CocoReport::Count& count = report.faults[static_cast<size_t>(fault)];
    if (count.count > 0)
      warnings.push_back(truth.path() + ": " + base::counted(count.count, "annotation") +
                         " left out, " + data::fault_text(fault) + ": " + listed(truth, count));
  }
  const double* recall = tasks::find(boxes.metrics, "box_AR_100");
  if (results.results().empty()) {
    warnings.push_back(results.path() + ": found no results, so that all metrics are 0");
  } else if (recall && *recall == -1) {
    warnings.push_back(truth.path() +
                       ": found no object to compare with, so that no metric has a value");
  } else if (recall && *recall == 0) {
    std::vector<std::string> names;
    for (const data::CocoCategory& category : truth.categories())
      names.push_back(std::to_string(category.id) + " " + base::printable(category.name));
    warnings.push_back(results.path() +
                       ": no result matches an object of its class; category_id is one of " +
                       base::listing(names) + ", and bbox is x, y, width, height in pixels");
  }
  return warnings;
}

std::vector<std::string> notes_of(const CocoFile& truth, const CocoResults& results) {
  const data::CocoReport& report = truth.report();
  std::vector<std::string> notes;
  notes.push_back(truth.path() + ": " + base::counted(std::ssize(truth.images()), "image") + ", " +
                  base::counted(std::ssize(truth.annotations()), "annotation") + ", " +
                  base::grouped(report.crowds) + " of them crowds, " +
                  base::counted(std::ssize(truth.categories()), "class", "classes"));
  notes.push_back(results.path() + ": " + base::counted(std::ssize(results.results()), "result"));
  if (report.without_area.count > 0)
    notes.push_back(truth.path() + ": " + base::counted(report.without_area.count, "annotation") +
                    " without area: that of the mask, else of the box");
  if (report.images_above_100 > 0) {
    const data::CocoImage& most = truth.images()[static_cast<size_t>(report.most_objects_image)];
    notes.push_back(truth.path() + ": " + base::counted(report.images_above_100, "image") +
                    " with more than 100 objects (" + base::printable(most.file_name) + " has " +
                    base::grouped(report.most_objects) +
                    "); the metrics look at the best 100 results of a class in an image");
  }
  return notes;
}

}  // namespace

Score score_detections(const ScoreOptions& options) {
  Progress progress({.quiet = options.quiet});
  const CocoFile truth(options.data);
  const CocoResults results(options.detections, truth);
  for (const std::string& line : notes_of(truth, results)) progress.note(line);
  Score score;
  score.images = std::ssize(truth.images());
  score.results = std::ssize(results.results());
  for (const data::CocoCategory& category : truth.categories())
    score.classes.push_back({category.id, category.name});
  score.boxes = measure(truth, results, Compared::boxes, progress, score.errors);

  const auto count = [&](const auto& predicate) {
    return std::count_if(truth.annotations().begin(), truth.annotations().end(),
                         [&](const CocoAnnotation& a) { return is_scored(a) && predicate(a); });
  };
  const bool comparable = count([](const auto& a) { return a.mask != data::CocoMask::none; }) > 0 ||
                          count([](const auto&) { return true; }) == 0;
  if (results.have_masks() && comparable)
    score.masks = measure(truth, results, Compared::masks, progress, score.errors);
  else if (results.have_masks() && !results.results().empty())
    progress.note(options.data + ": no segmentation, so that masks are not compared");
  else if (results.num_masks() > 0)
    score.warnings.push_back(options.detections + ": " +
                             base::counted(score.results - results.num_masks(), "result") + " of " +
                             base::grouped(score.results) +
                             " without segmentation, so that masks are not compared");
  for (std::string& line : warnings_of(truth, results, score.boxes))
    score.warnings.push_back(std::move(line));
  for (const std::string& line : score.warnings) progress.warning("swin: warning: " + line);
  return score;
}

std::vector<std::pair<std::string, const DetectionMetrics::Result*>> Score::parts() const {
  std::vector<std::pair<std::string, const DetectionMetrics::Result*>> all = {{"box_", &boxes}};
  if (masks) all.emplace_back("segm_", &*masks);
  return all;
}

base::Json to_json(const Score& score, bool curves) {
  base::Json json = base::Json::object();
  json["images"] = score.images;
  json["results"] = score.results;
  const auto parts = score.parts();
  for (const auto& [prefix, result] : parts)
    for (const auto& [metric, value] : result->metrics) json[metric] = value;
  base::Json& classes = json["per_class"] = base::Json::array();
  for (size_t k = 0; k < score.classes.size(); ++k) {
    base::Json row = base::Json::object();
    row["class_name"] = score.classes[k].name;
    row["category_id"] = score.classes[k].category_id;
    row["objects"] = score.boxes.classes[k].objects;
    for (const auto& [prefix, result] : parts)
      for (const auto& [metric, value] : result->classes[k].metrics()) row[prefix + metric] = value;
    classes.push_back(std::move(row));
  }
  json["errors"] = metrics_json(score.errors);
  if (curves) {
    const auto list = [](const auto& values) {
      return base::Json::array_of(std::vector<double>(values.begin(), values.end()));
    };
    base::Json all = base::Json::object();
    all["iou"] = list(DetectionMetrics::thresholds());
    all["recall"] = list(DetectionMetrics::recalls());
    for (const auto& [prefix, result] : parts) {
      base::Json of_classes = base::Json::array();
      for (size_t k = 0; k < score.classes.size(); ++k) {
        base::Json row = base::Json::object();
        row["class_name"] = score.classes[k].name;
        row["precision"] = base::Json::array();
        for (const auto& curve : result->classes[k].precision)
          row["precision"].push_back(list(curve));
        of_classes.push_back(std::move(row));
      }
      all[prefix.substr(0, prefix.size() - 1)] = std::move(of_classes);
    }
    json["precision_recall"] = std::move(all);
  }
  json["warnings"] = base::Json::array_of(score.warnings);
  return json;
}

}  // namespace swin::trainers
