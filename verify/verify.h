// Whether a model computes what another program computed: `swin verify`.
#pragma once
#include <string>
#include <vector>

#include "layers/model_config.h"
#include "verify/golden.h"
#include "verify/verified_model.h"

namespace swin::verify {

struct VerifyReport {
  std::vector<TensorError> tensors;  ///< logits, features or other maps, loss, gradients
  std::vector<std::string> ignored;  ///< tensors of the golden file that are not compared
  /// If the golden file has gradients: the parameters whose gradients it lacks.
  std::vector<std::string> without_golden;
  /// The weights are generated, but the golden file does not say which weights it was computed
  /// with.
  bool weights_unnamed = false;
  bool passed = false;  ///< every tensor passed
};

/// Recomputes the tensors of a golden file and compares. Dropout and drop path are off, unless the
/// golden is one of a training step (GoldenFile::training).
/// @param weights from a weight file, or generated (verify/verified_model.h).
/// @param golden_file .safetensors (verify/golden.h) with any of `loss`, `grad.<parameter>` and
///   classifier: `logits`, `features.<stage>` (B, H, W, C). The loss is the mean cross entropy with
///     `target`. If there are only features, the weights need no head.
///   backbone: `output.<stage>` (B, H, W, C), after its norm. The loss is the sum over outputs of
///     mean(output · cotangent); the cotangents are generated from the streams
///     cotangent.output.<stage>.
///   semantic segmentation: `logits`, `auxiliary_logits` (B, classes, H, W) at the size of the
///     images. The loss is the task's, with label maps `target` (B, H, W), 255 where ignored.
///   detection: any outputs of tasks::Detection in every detail, such as `fpn.<level>`,
///     `rpn_objectness.<level>`, `class_logits.<image>`, `detections.<image>`; no loss.
///   SimMIM: `mask` (B, rows, columns of patches), `reconstruction` (B, C, H, W). The loss is
///     SimMIM's.
/// @param task semantic_segmentation or detection with its fields, or any other for the models
/// above.
/// @param config of the model. The size of the input replaces its image_size, and the size of the
///   file's head or of the golden's logits replaces num_classes 0.
/// @return the errors; a failed comparison sets `passed` = false, it does not throw.
/// @throws base::WeightError if the golden file is missing or damaged or does not fit.
VerifyReport verify(const VerifiedWeights& weights, const std::string& golden_file,
                    layers::ModelConfig config, const tasks::TaskConfig& task = {});

}  // namespace swin::verify
