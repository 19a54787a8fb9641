// Whether a model computes what another program computed: `swin verify`.
#pragma once
#include <optional>
#include <string>
#include <vector>

#include "layers/model_config.h"

namespace swin::trainers {

/// How far one tensor is from the golden's.
struct TensorError {
  std::string name;          ///< as in the golden file
  double max_abs_error = 0;  ///< infinite where a number is not finite
  double max_rel_error =
      0;                 ///< the largest difference over the largest entry of the golden's tensor
  double tolerance = 0;  ///< of max_rel_error
  bool passed = false;
};

struct VerifyReport {
  std::vector<TensorError> tensors;  ///< logits, features, loss, gradients
  std::vector<std::string> ignored;  ///< tensors of the golden file that have no meaning here
  bool passed = false;               ///< every tensor passed
};

/// Of logits, features and loss, and of gradients; relative to the largest entry of the tensor.
inline constexpr double kForwardTolerance = 2e-5, kGradientTolerance = 1e-4;

/// Computes what the golden file holds again and compares. No dropout and no drop path take part.
/// @param weight_file .safetensors in official names, or a checkpoint.
/// @param golden_file .safetensors with `input` (B, C, H, W) and any of `logits`, `target` ((B)
/// integers or
///   (B, classes) float32), `loss` (mean cross entropy), `features.<stage>` (B, H, W, C),
///   `grad.<parameter>`.
/// @param config the model; empty: the one the checkpoint holds. Its image_size gives way to the
/// size of
///   `input`, and num_classes 0 to the size of the file's head.
/// @return the errors; a comparison that fails is `passed` = false, not an exception.
/// @throws base::WeightError where a file is missing, damaged or does not fit; UsageError where a
/// .safetensors
///   file comes without a config.
VerifyReport verify(const std::string& weight_file, const std::string& golden_file,
                    const std::optional<layers::ModelConfig>& config = std::nullopt);

}  // namespace swin::trainers
