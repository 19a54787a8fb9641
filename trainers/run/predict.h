// Classifies image files with a checkpoint, which brings model, preprocessing and class names.
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
  std::string class_name;
  double probability = 0;
};

struct ImagePredictions {
  std::string image;                    ///< as it was asked for
  std::vector<Prediction> predictions;  ///< the most probable first
  std::string error;                    ///< what was wrong with the image; empty where it was read
};

class Predictor {
 public:
  /// @throws WeightError where the checkpoint is missing, damaged or unfit.
  explicit Predictor(const std::string& checkpoint);
  /// One answer an image, in order. An image that cannot be read gets an error instead; its
  /// neighbors do not change what is said about the others.
  /// @param top_k at most this many predictions each, at least 1 @throws UsageError otherwise.
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
