// Object detection and instance segmentation: Mask R-CNN, or Faster R-CNN without masks, or a
// cascade of their heads.
#pragma once
#include "tasks/detection_options.h"
#include "tasks/task.h"

namespace swin::tasks {

/// Learns from objects; crowds are no targets, and an image may have none. Losses: the RPN's binary
/// cross entropy and box loss, over the sampled anchors of the whole batch; of the heads the cross
/// entropy of the class, the box loss, and the binary cross entropy of masks, each the mean over
/// the sampled regions of a slice times the slice's part of the images, as data-parallel training
/// with one slice a rank has it: slices of other sizes change them slightly. Regions are drawn by
/// seed, step and the image's place in the batch. Where mmdetection and torchvision differ,
/// task.convention chooses (detection/convention.h). The metrics are COCO's twelve numbers at the
/// images' original size, of boxes and of masks. In a cascade (task.cascade) the heads of a stage
/// learn from the sampled regions of the stage before, moved by its deltas, and from true boxes;
/// their losses are weighted sums over the stages. Answers have the mean of the stages' class
/// logits and masks and the boxes of the last one. Source: He et al. 2017, arXiv:1703.06870; Ren et
/// al. 2015, arXiv:1506.01497; Cai and Vasconcelos 2019, arXiv:1906.09756.
class Detection : public Task {
 public:
  /// @throws UsageError if config and model do not describe a possible model.
  Detection(const TaskConfig& config, const layers::ModelConfig& model, uint64_t seed,
            bool with_gradients);
  const layers::ModelConfig& model_config() const override { return config_; }
  layers::Parameters& parameters() override { return parameters_; }

  /// {what the RPN's losses are divided by, images}.
  Count count(const data::Batch& batch) const override;
  /// `loss`, and its parts `rpn_objectness_loss`, `rpn_box_loss`, `class_loss`, `box_loss` and,
  /// with masks, `mask_loss`.
  /// @throws DataError for an object of a class that the model does not have, or without a mask.
  Losses loss(const Slice& slice, const layers::Pass& pass, const Count& count) const override;
  /// Of image i, in pixels of the image as loaded: `detections.<i>` (n, 6), x1 y1 x2 y2 score
  /// class, the best first; with masks `masks.<i>` (n, M, M), probabilities in each box; `size.<i>`
  /// (2), the image's height and width. Answers: images of several sizes are cut to their own,
  /// rounded up to what the maps need, so that the others of a batch have no influence. Everything:
  /// of all images as they are, also `fpn.<level>` (B, C, H, W), `rpn_objectness.<level>` (B, A, H,
  /// W), `rpn_deltas.<level>` (B, 4A, H, W), and of image i `proposals.<i>` (R, 4),
  /// `class_logits.<i>` (R, classes + 1), `box_deltas.<i>` (R, 4 · classes, of the last stage).
  Outputs outputs(const Tensor& images, Detail detail, const ImageInfo& info = {}) const override;
  std::unique_ptr<Meter> meter() const override;
  std::vector<Answer> answers(const Outputs& outputs) const override;

  const layers::MaskRcnn& model() const { return model_; }
  const DetectionOptions& options() const { return options_; }

 private:
  /// Appends the outputs of images of one size, the first of which is image `first`.
  void find(const Tensor& images, Detail detail, std::span<const base::Size2> sizes,
            std::span<const base::Size2> originals, int64_t first, Outputs& outputs) const;

  layers::ModelConfig config_;
  DetectionOptions options_;
  layers::Parameters parameters_;
  layers::MaskRcnn model_;
};

}  // namespace swin::tasks
