// Semantic segmentation: the class of every pixel.
#pragma once
#include "layers/dense/upernet.h"
#include "tasks/segmentation_inference.h"
#include "tasks/task.h"

namespace swin::tasks {

/// Learns from label maps. Losses are means over pixels, of logits resized bilinearly to the
/// image: the cross entropy of the head, auxiliary_weight times that of the auxiliary head, and
/// dice_weight times the head's Dice loss. Ignored pixels have no loss. A mean divides by the
/// pixels that are not ignored, weighted by class_weights (loss_mean valid, as PyTorch), or by all
/// pixels of the padded batch (all, as mmsegmentation); a batch without a valid pixel has loss 0.
/// The metrics compare class maps with label maps at the images' original size: mIoU, aAcc, mAcc,
/// mDice (segmentation_metrics.h).
class Segmentation : public Task {
 public:
  /// @throws UsageError if config and model do not describe a possible model.
  Segmentation(const TaskConfig& config, const layers::ModelConfig& model, uint64_t seed,
               bool with_gradients);
  const layers::ModelConfig& model_config() const override { return config_; }
  layers::Parameters& parameters() override { return parameters_; }

  /// {what the means over pixels are divided by, images}.
  Count count(const data::Batch& batch) const override;
  /// `loss`, and its parts `decode_loss`, `auxiliary_loss` and `dice_loss`, those that there are.
  /// @throws DataError if a label map has a class that the model does not have.
  Losses loss(const Slice& slice, const layers::Pass& pass, const Count& count) const override;
  /// Answers: `class_map.<i>` of each image, (height, width) of the image as loaded. Everything:
  /// instead of them `logits` and `auxiliary_logits` (B, classes, H, W) of the padded images.
  Outputs outputs(const Tensor& images, Detail detail, const ImageInfo& info = {}) const override;
  std::unique_ptr<Meter> meter() const override;
  std::vector<Answer> answers(const Outputs& outputs) const override;

  /// The logits of both heads at the size of the images, (B, H, W, classes).
  layers::UperNet::Logits logits(const Tensor& images, const layers::Pass& pass,
                                 bool auxiliary) const;

 private:
  autograd::Array<int32_t> labels_of(const Slice& slice) const;

  layers::ModelConfig config_;
  double auxiliary_weight_, dice_weight_;
  bool valid_mean_;
  std::vector<double> class_weights_;  // empty: all 1
  InferenceOptions inference_;
  layers::Parameters parameters_;
  layers::UperNet model_;
};

}  // namespace swin::tasks
