// What a golden file is computed with: a classifier (or its trunk), a backbone, or SimMIM.
#pragma once
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "layers/model_config.h"
#include "verify/golden.h"
#include "weights/dialects.h"

namespace swin::layers {
class Parameters;
}

namespace swin::verify {

/// The weights to verify: read from a file, or counted.
struct VerifiedWeights {
  /// @param name of a file, or "counted:SEED".
  VerifiedWeights(const std::string& name);  // implicit: weights are given by their name
  std::string where;
  std::optional<uint64_t> seed;
  weights::WeightFile file;  ///< without arrays where the weights are generated
};

/// What a golden file holds, and so what is computed again.
struct Asked {
  bool logits = false, loss = false, gradients = false;
  std::vector<int64_t> outputs;  ///< the stages of output.<stage>, ascending
  bool reconstruction = false;   ///< or the mask of one
};

class VerifiedModel {
 public:
  struct Outputs {
    struct Map {
      std::string name;  ///< in the golden file: "logits", "features.0", "output.0", …
      autograd::Tensor values;
    };
    std::vector<Map> maps;
    autograd::Tensor loss;  ///< undefined where neither loss nor gradients are asked for
  };
  virtual ~VerifiedModel() = default;
  virtual layers::Parameters& parameters() = 0;
  /// @param images (B, H, W, C), the golden's.
  virtual Outputs operator()(const autograd::Tensor& images) const = 0;
};

/// The model that a golden file is of, with the weights' numbers: SimMIM's where the golden has a
/// reconstruction, a backbone where it has output.<stage>, else a classifier; of weights without a
/// head the features alone can be computed.
/// @param config with the size of the golden's input; num_classes 0 gives way to the weights' head
/// or the golden's logits.
/// @throws base::WeightError where weights, config and golden do not fit; UsageError where the
/// config asks for the impossible.
std::unique_ptr<VerifiedModel> verified_model(const GoldenFile& golden, const Asked& asked,
                                              const VerifiedWeights& weights,
                                              layers::ModelConfig config);

}  // namespace swin::verify
