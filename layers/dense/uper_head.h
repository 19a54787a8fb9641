// UPerNet's head: a pyramid of pooled maps on the coarsest map of a backbone, a feature pyramid
// down to the finest one, and one map of logits from all of them.
#pragma once
#include <vector>

#include "layers/dense/fcn_head.h"

namespace swin::layers {

struct UperHeadOptions {
  std::vector<int64_t> in_channels;  ///< of the maps, the finest first
  int64_t channels = 512, num_classes = 0;
  std::vector<int64_t> pool_scales = {1, 2, 3, 6};
  Norm norm = Norm::batch;
  double dropout = 0.1;  ///< of channels, before the classifier; 0 in Hugging Face's
};

/// With K = channels, conv_norm = convolution without bias, norm and relu, and all resizes bilinear
/// with align_corners false:
///   PPM      top = conv_norm 3×3 (concat[x, for s of pool_scales: resize(conv_norm 1×1 (pool_s
///   x))])
///            of the coarsest map x
///   FPN      lateral_i = conv_norm 1×1 (map_i), lateral_top = top; from the top down
///            lateral_{i−1} += resize(lateral_i)
///   fusion   concat of conv_norm 3×3 (lateral_i) and lateral_top, each resized to the finest map,
///            → conv_norm 3×3 → dropout of channels → conv 1×1
/// Parameters have the names of mmsegmentation's UPerHead.
/// Source: Xiao et al. 2018, arXiv:1807.10221, section 3.1; Zhao et al. 2017, arXiv:1612.01105
/// (PPM).
class UperHead {
 public:
  UperHead(const Scope& scope, const UperHeadOptions& options);
  /// @param maps (B, Hᵢ, Wᵢ, in_channels[i]), the finest first
  /// @return logits (B, H₀, W₀, num_classes)
  Tensor operator()(const std::vector<Tensor>& maps, const Pass& pass) const;

 private:
  Tensor pool_pyramid(const Tensor& x, const Pass& pass) const;

  std::string path_;
  std::vector<int64_t> pool_scales_;
  std::vector<ConvNorm> psp_, laterals_, fpn_;
  ConvNorm bottleneck_, fpn_bottleneck_;
  DropChannels dropout_;
  Conv2d conv_seg_;
};

}  // namespace swin::layers
