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
  std::vector<std::string> ignored;  ///< tensors of the golden file that have no meaning here
  /// Parameters whose gradient the golden file leaves out though it holds others.
  std::vector<std::string> without_golden;
  /// The weights were generated, and the golden file does not say that its own were.
  bool weights_unnamed = false;
  bool passed = false;  ///< every tensor passed
};

/// Computes what the golden file holds again and compares. No dropout and no drop path take part.
/// @param weights of any weight file, or generated (verify/verified_model.h).
/// @param golden_file .safetensors (verify/golden.h) with any of `loss`,
///   `grad.<parameter>` and, as it is of
///   a classifier: `logits`, `features.<stage>` (B, H, W, C); the loss is the mean cross entropy
///     with `target`; where there are features alone, the weights need no head;
///   a backbone: `output.<stage>` (B, H, W, C), behind its norm; the loss is the sum over outputs
///     of the mean of output · cotangent, generated numbers of the streams
///     cotangent.output.<stage>;
///   SimMIM: `mask` (B, rows, columns of patches), `reconstruction` (B, C, H, W); the loss is
///     SimMIM's.
/// @param config the model. Its image_size gives way to the
///   size of the input, and num_classes 0 to the size of the file's head or of the golden's logits.
/// @return the errors; a comparison that fails is `passed` = false, not an exception.
/// @throws base::WeightError where the golden file is missing, damaged or does not fit.
VerifyReport verify(const VerifiedWeights& weights, const std::string& golden_file,
                    layers::ModelConfig config);

}  // namespace swin::verify
