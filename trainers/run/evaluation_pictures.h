// The pictures of an evaluation: the worst mistakes of a classifier, and the answers of a dense
// task drawn over their images.
#pragma once
#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "data/dataset.h"
#include "data/transforms/transform.h"
#include "tasks/task.h"
#include "trainers/config/config.h"
#include "trainers/report/evaluation_report.h"

namespace swin::trainers {

inline constexpr size_t kMostMistakes = 50, kMostAnswers = 16;

/// How they are made.
struct PictureOptions {
  data::Preprocess preprocess;           ///< of the loader
  std::vector<std::string> class_names;  ///< of the model
  std::vector<data::Color> colors;       ///< of the classes, for label maps
  bool several = false;                  ///< any number of classes an image (has_label_rows)
};
PictureOptions picture_options(const Config& config, const std::vector<std::string>& class_names);

class EvaluationPictures {
 public:
  /// Task and data set must outlive it.
  EvaluationPictures(const tasks::Task& task, const data::Dataset& dataset, PictureOptions options);
  /// @param batch with the model's classes   @param indices of its images in the data set
  /// @param judged of each image, where they have classes, else empty
  void add(const tasks::Outputs& outputs, const data::Batch& batch,
           std::span<const int64_t> indices, std::span<const tasks::Judged> judged);

  /// The wrong answers of the largest loss; equal ones in the order of the set. NaN is the largest.
  std::vector<EvaluationReport::Picture> worst() const;
  const std::vector<EvaluationReport::Picture>& answers() const { return answers_; }

 private:
  struct Mistake {
    int64_t index = 0;  // in the data set
    tasks::Judged judged;
    data::Image image;
  };
  static bool worse(const Mistake& a, const Mistake& b);
  void keep_worst(const data::Batch& batch, int64_t row, int64_t index,
                  const tasks::Judged& judged);
  void draw_answers(const tasks::Outputs& outputs, const data::Batch& batch,
                    std::span<const int64_t> indices);
  std::string names_of(const std::vector<int64_t>& classes, const char* separator) const;
  EvaluationReport::Picture picture_of(const Mistake& mistake) const;

  const tasks::Task& task_;
  const data::Dataset& dataset_;
  const PictureOptions options_;
  std::vector<Mistake> mistakes_;  // a heap, the least bad one in front
  std::vector<EvaluationReport::Picture> answers_;
};

}  // namespace swin::trainers
