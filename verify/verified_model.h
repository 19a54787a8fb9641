// The model that recomputes a golden file: a classifier, with or without head, a backbone, SimMIM,
// a segmentation model or a detector.
#pragma once
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "layers/model_config.h"
#include "tasks/task.h"
#include "verify/golden.h"
#include "weights/dialects.h"

namespace swin::verify {

/// The weights to verify: read from a file, or generated.
struct VerifiedWeights {
  /// @param name of a file, or "counted:SEED".
  // implicit: weights are given by their name
  VerifiedWeights(const std::string& name, const weights::ReadOptions& options = {});
  std::string where;
  std::optional<uint64_t> seed;
  weights::WeightFile file;  ///< without arrays if the weights are generated
};

/// What a golden file holds and the model has to compute.
struct Asked {
  bool logits = false, loss = false, gradients = false;
  std::vector<int64_t> outputs;  ///< the stages of output.<stage>, ascending
  bool reconstruction = false;   ///< also if there is only a mask
  bool segmentation = false;     ///< by the task: one logit for each class and pixel
  bool detection = false;        ///< by the task: the maps of a detector, and what it finds
};

/// A task's outputs and loss, or those of a backbone, which is no task.
class VerifiedModel {
 public:
  virtual ~VerifiedModel() = default;
  virtual layers::Parameters& parameters() = 0;
  /// Named as in the golden file: "logits", "features.0", "output.0", …
  /// @param images of the golden, (B, H, W, C).
  virtual tasks::Outputs outputs(const autograd::Tensor& images) const = 0;
  virtual autograd::Tensor loss(const autograd::Tensor& images) const = 0;
};

/// The model of a golden file, with these weights: the task's if it is semantic_segmentation or
/// detection, SimMIM if the golden has a reconstruction, a backbone if it has output.<stage>, else
/// a classifier. With weights that have no head, it computes features only.
/// @param config with the size of the golden's input; num_classes 0 is replaced by the size of the
///     weights' head or of the golden's logits.
/// @throws base::WeightError if weights, config and golden do not fit each other;
///     base::UsageError if the config is invalid.
std::unique_ptr<VerifiedModel> verified_model(const GoldenFile& golden, const Asked& asked,
                                              const VerifiedWeights& weights,
                                              layers::ModelConfig config,
                                              const tasks::TaskConfig& task = {});

}  // namespace swin::verify
