// The answers of a checkpoint for image files; model, preprocessing and class names come from it.
#pragma once
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/errors.h"
#include "base/json.h"
#include "base/size2.h"
#include "trainers/run/drawings.h"
#include "trainers/run/inference.h"
#include "trainers/run/stored_model.h"

namespace swin::trainers {

struct Prediction {
  int64_t class_index = 0;
  std::string class_name;  ///< the index as text if the checkpoint has no names
  double probability = 0;  ///< of a map: the class's part of the pixels
  int64_t pixels = 0;      ///< of a map
};

struct ImagePredictions {
  std::string image;                    ///< the path as it was given
  std::vector<Prediction> predictions;  ///< the most probable first
  std::string error;                    ///< why the image could not be read; empty if it was
  /// Where each pixel has a class: the size of the image, and the files that were drawn.
  struct Map {
    int64_t height = 0, width = 0;
    std::string labels, overlay;  ///< empty without an output folder
  };
  std::optional<Map> map = std::nullopt;
  /// Of a detector.
  struct Found {
    base::Size2 size{};                    ///< of the image; 0 if it could not be read
    std::vector<tasks::Detected> objects;  ///< the best first
    std::vector<std::string> class_names;  ///< of each object
    std::string drawn;                     ///< file; empty without an output folder
  };
  std::optional<Found> found = std::nullopt;
};

/// How a detector answers; what is not given is as its config has it.
struct DetectorOptions {
  std::optional<double> score = std::nullopt;  ///< objects of higher scores only
  std::optional<double> iou =
      std::nullopt;  ///< of two boxes of a class, above which the worse goes
  std::optional<int64_t> max_detections = std::nullopt;  ///< of an image
  /// Objects of these classes only, by name; empty: of all.
  std::vector<std::string> only_classes = {};
};

struct PredictOptions {
  /// Largest number of predictions per image, of classes of whole images; absent: 5.
  std::optional<int64_t> top_k = std::nullopt;
  /// A folder for what is drawn: of `NAME.jpg` the class of every pixel (NAME_labels.png, a PNG
  /// with a palette) and its colors over the image (NAME_overlay.png), or the objects over the
  /// image (NAME_objects.png). Made if absent.
  std::optional<std::string> output = std::nullopt;
};

class Predictor {
 public:
  /// @throws WeightError if the checkpoint is missing, damaged or does not fit its config;
  ///   UsageError for options of a detector with another model, and for unknown classes.
  explicit Predictor(const std::string& checkpoint, const DetectorOptions& detector = {});
  /// One answer per image, in order. An image that cannot be read has an error instead of
  /// predictions. The images of a call do not influence each other.
  /// @throws UsageError if top_k is below 1 or of no use, or there is nothing to draw; DiskError.
  std::vector<ImagePredictions> predict(const std::vector<std::string>& images,
                                        const PredictOptions& options) const;
  const LoadedModel& model() const { return model_; }
  /// The index as text if the checkpoint has no names.
  std::string class_name(int64_t index) const;
  std::vector<std::string> class_names() const;  ///< of all classes

 private:
  void check(const PredictOptions& options) const;
  tasks::Answer answer_for(const data::Image& image) const;
  void name_classes(const tasks::Answer& answered, int64_t top_k, ImagePredictions& answer) const;
  void describe_map(const std::string& path, const data::Image& image, const data::LabelMap& map,
                    DrawingFolder* folder, ImagePredictions& answer) const;
  void keep_objects(const std::string& path, const data::Image& image, tasks::Answer answered,
                    DrawingFolder* folder, ImagePredictions& answer) const;

  std::vector<bool> wanted_;   // by class; empty: all
  int64_t most_objects_ = -1;  // of the wanted classes; −1: as many as the model finds
  LoadedModel model_;
  std::unique_ptr<Inference> inference_;
};

/// data (3) if an image could not be read, else done.
base::ExitCode exit_code(const std::vector<ImagePredictions>& answers);
/// [{image, predictions: [{class_index, class_name, probability}]}], or, where each pixel has a
/// class, [{image, size: [height, width], predictions: [{class_index, class_name, pixels,
/// fraction}], labels, overlay}], or of a detector [{image, size, objects: [{class_index,
/// class_name, score, box: [x1, y1, x2, y2], mask: {size, counts}}], drawn}]; an unreadable image
/// has `error`, and no predictions or objects.
base::Json to_json(const std::vector<ImagePredictions>& answers);

/// What a detector found as COCO's results. Images have the numbers of their places, from 1 on;
/// category ids are class numbers + 1.
std::string coco_results(const std::vector<ImagePredictions>& answers);
/// The images and categories that the results speak of, as a COCO list without annotations.
std::string coco_images(const std::vector<ImagePredictions>& answers,
                        const std::vector<std::string>& class_names);

}  // namespace swin::trainers
