// The interface of all classifiers: images in, logits out.
#pragma once
#include <string>
#include <vector>

#include "layers/basic.h"
#include "layers/model_config.h"

namespace swin::layers {

class Network {
 public:
  virtual ~Network() = default;
  /// @param images (B, H, W, in_chans), normalized.
  /// @param features if not null, each stage's map (B, H, W, C) before its downsampling is appended
  /// @return logits (B, num_classes).
  virtual Tensor operator()(const Tensor& images, const Pass& pass,
                            std::vector<Tensor>* features) const = 0;
};

// ---- shared by the architectures ----------------------------------------------------------------

/// @throws UsageError unless lists, attention heads and sizes of the config fit together. Does not
///     look at num_classes: backbones and SimMIM have no classifier head.
void check_sizes(const ModelConfig& config);

/// The config. @throws UsageError as check_sizes, and unless num_classes, the outputs of a
///     classifier's head, is at least 1.
const ModelConfig& checked_classifier(const ModelConfig& config);

/// The path of a stage's layers in a classifier: "layers.0", or "blocks" of a ViT.
std::string stage_path(const ModelConfig& config, int64_t stage);

/// The stochastic depth rate of a block: linspace(0, drop_path_rate, blocks) over all stages.
/// @param block index within the stage
double drop_path_rate_of(const ModelConfig& config, int64_t stage, int64_t block);

/// Epsilon of the LayerNorms in the published code: 1e-5, and 1e-6 of a ViT.
double norm_epsilon(const ModelConfig& config);

/// @throws UsageError unless the map has the size of the position embedding.
void check_position_map(Size2 found, Size2 expected);

}  // namespace swin::layers
