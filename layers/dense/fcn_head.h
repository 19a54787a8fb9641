// The auxiliary head of semantic segmentation: one convolution and a classifier.
#pragma once
#include "layers/dense/conv_norm.h"

namespace swin::layers {

struct FcnHeadOptions {
  int64_t in_channels = 0, channels = 256, num_classes = 0;
  Norm norm = Norm::batch;
  double dropout = 0.1;  ///< of channels, before the classifier
};

/// The last layer of a head: a convolution 1×1 with bias named conv_seg.
inline Conv2d pixel_classifier(const Scope& scope, int64_t channels, int64_t num_classes) {
  return Conv2d(scope / "conv_seg", channels, num_classes, 1, true, Initializer::normal(0.01));
}

/// conv 3×3, norm, relu → dropout of channels → conv 1×1: the logits of every position of one map.
/// Parameters: convs.0.…, conv_seg.… .
/// Source: Long et al. 2015, arXiv:1411.4038; FCNHead of mmsegmentation with one convolution and
/// without concat_input.
class FcnHead {
 public:
  FcnHead(const Scope& scope, const FcnHeadOptions& options);
  /// @param map (B, H, W, in_channels)   @return logits (B, H, W, num_classes)
  Tensor operator()(const Tensor& map, const Pass& pass) const;

 private:
  ConvNorm conv_;
  DropChannels dropout_;
  Conv2d conv_seg_;
};

}  // namespace swin::layers
