// Classifies image files with a checkpoint; model, preprocessing and class names come from it.
#pragma once
#include <cstdint>
#include <string>
#include <vector>

#include "base/errors.h"
#include "base/json.h"
#include "trainers/run/stored_model.h"

namespace swin::trainers {

struct Prediction {
  int64_t class_index = 0;
  std::string class_name;  ///< the index as text if the checkpoint has no names
  double probability = 0;
};

struct ImagePredictions {
  std::string image;                    ///< the path as it was given
  std::vector<Prediction> predictions;  ///< the most probable first
  std::string error;                    ///< why the image could not be read; empty if it was
};

class Predictor {
 public:
  /// @throws WeightError if the checkpoint is missing, damaged or does not fit its config.
  explicit Predictor(const std::string& checkpoint);
  /// One answer per image, in order. An image that cannot be read has an error instead of
  /// predictions. The images of a call do not influence each other.
  /// @param top_k largest number of predictions per image. @throws UsageError if it is below 1.
  std::vector<ImagePredictions> predict(const std::vector<std::string>& images,
                                        int64_t top_k) const;
  const LoadedModel& model() const { return model_; }

 private:
  LoadedModel model_;
};

/// data (3) if an image could not be read, else done.
base::ExitCode exit_code(const std::vector<ImagePredictions>& answers);
/// [{image, predictions: [{class_index, class_name, probability}]}]; an unreadable image has
/// `error` and no predictions.
base::Json to_json(const std::vector<ImagePredictions>& answers);

}  // namespace swin::trainers
