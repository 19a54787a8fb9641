// The answers of a checkpoint for image files; model, preprocessing and class names come from it.
#pragma once
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/errors.h"
#include "base/json.h"
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
};

struct PredictOptions {
  /// Largest number of predictions per image, of classes of whole images.
  int64_t top_k = 5;
  /// A folder for what is drawn: of `NAME.jpg` the class of every pixel (NAME_labels.png, a PNG
  /// with a palette) and its colors over the image (NAME_overlay.png). Made if absent.
  std::optional<std::string> output = std::nullopt;
};

class Predictor {
 public:
  /// @throws WeightError if the checkpoint is missing, damaged or does not fit its config.
  explicit Predictor(const std::string& checkpoint);
  /// One answer per image, in order. An image that cannot be read has an error instead of
  /// predictions. The images of a call do not influence each other.
  /// @throws UsageError if top_k is below 1, or there is nothing to draw; DiskError.
  std::vector<ImagePredictions> predict(const std::vector<std::string>& images,
                                        const PredictOptions& options) const;
  const LoadedModel& model() const { return model_; }

 private:
  std::string class_name(int64_t index) const;
  LoadedModel model_;
};

/// data (3) if an image could not be read, else done.
base::ExitCode exit_code(const std::vector<ImagePredictions>& answers);
/// [{image, predictions: [{class_index, class_name, probability}]}], or, where each pixel has a
/// class, [{image, size: [height, width], predictions: [{class_index, class_name, pixels,
/// fraction}], labels, overlay}]; an unreadable image has `error` and no predictions.
base::Json to_json(const std::vector<ImagePredictions>& answers);

}  // namespace swin::trainers
