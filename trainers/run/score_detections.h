// Scores the results of any detector, a JSON file in COCO's format, without its model.
#pragma once
#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "base/json.h"
#include "tasks/detection_metrics.h"

namespace swin::trainers {

struct ScoreOptions {
  std::string detections;  ///< [{image_id, category_id, score, bbox and segmentation or one}, …]
  std::string data;        ///< images, annotations and categories
  bool quiet = false;      ///< warnings only
};

struct Score {
  int64_t images = 0, results = 0;
  tasks::DetectionMetrics::Result boxes;
  std::optional<tasks::DetectionMetrics::Result> masks;
  struct Class {
    int64_t category_id = 0;
    std::string name;
  };
  std::vector<Class> classes;  ///< in the order of the results' classes
  /// What each kind of error costs, by TIDE's rules (tasks/detection/errors.h).
  tasks::Metrics errors;
  std::vector<std::string> warnings;  ///< sentences, printed on stderr, too

  /// "box_" and "segm_", as far as they were compared.
  std::vector<std::pair<std::string, const tasks::DetectionMetrics::Result*>> parts() const;
};

/// Boxes are compared always: of results without bbox, those around their masks. Masks are compared
/// if every result has a segmentation, and the data have some.
/// The metrics are those of pycocotools 2.0.11, except: results of unknown images or categories and
/// masks of another size than their image are refused; annotations are told apart by their place,
/// so that an id of 0 or two equal ones are like others; no results at all score 0; a missing area
/// is that of the mask, else of the box; results with bbox and segmentation have the area of the
/// mask where masks are compared.
/// @throws DataError naming the file and entry.
Score score_detections(const ScoreOptions& options);

/// images, results, the metrics by name, per_class: [{class_name, category_id, objects, box_AP,
/// box_AP50, box_AP75, box_AR_100, segm_…}], errors: {box_dAP_Cls, …, segm_…}, warnings; with
/// `curves` precision_recall: {iou: [10], recall: [101], box: [{class_name, precision: [10][101]}],
/// segm}.
base::Json to_json(const Score& score, bool curves);

}  // namespace swin::trainers
