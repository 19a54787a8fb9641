// What the tasks that answer with classes share: a model with a head, its loss on target rows, and
// the probabilities of an answer.
#pragma once
#include <span>
#include <vector>

#include "tasks/task.h"

namespace swin::tasks {

/// log((eᵃ + eᵇ) / 2).
double log_of_mean(double a, double b);

class Classifier : public Task {
 public:
  Classifier(const TaskConfig& config, const layers::ModelConfig& model, uint64_t seed,
             bool with_gradients)
      : label_smoothing_(config.own.number("label_smoothing")),
        model_(model, seed, with_gradients) {}
  const layers::ModelConfig& model_config() const override { return model_.config(); }
  layers::Parameters& parameters() override { return model_.parameters(); }

  /// One loss, `loss`. The targets of mixed images are mixed as they are: share · own +
  /// (1 − share) · partner's. Images with target_rows have them as their targets.
  Losses loss(const Slice& slice, const layers::Pass& pass, const Count& count) const override;
  /// `logits` (B, num_classes), and of everything `features.<stage>`: each stage's map (B, H, W, C)
  /// before its downsampling.
  Outputs outputs(const Tensor& images, Detail detail, const ImageInfo& info = {}) const override;
  std::vector<Answer> answers(const Outputs& outputs) const override;
  Outputs mean_of(const Outputs& a, const Outputs& b) const override;

  /// The targets of a slice's images, (slice.size, num_classes).
  Tensor targets_of(const Slice& slice) const;
  /// The targets of the training loss, (B, num_classes).
  /// @param labels one per image, or rows of 0 and 1 (AnnotationKind::classes).
  virtual Tensor targets(std::span<const int64_t> labels) const = 0;
  /// @param factor 1 / images of the batch
  virtual Tensor loss_of(const Tensor& logits, const Tensor& targets, real factor) const = 0;
  /// Replaces the logits of one image by the probability of each class, 0 … 1.
  virtual void to_probabilities(std::span<double> logits) const = 0;
  /// Replaces the logits of one image by some whose probabilities are the mean of those of both.
  virtual void average(std::span<double> logits, std::span<double> others) const = 0;

 protected:
  int64_t num_classes() const { return model_.config().num_classes; }
  const double label_smoothing_;

 private:
  layers::Model model_;
};

}  // namespace swin::tasks
