// The head that draws the mask of an object inside its region, one for each class.
#pragma once
#include <string>
#include <vector>

#include "layers/dense/conv_norm.h"

namespace swin::layers {

struct MaskHeadOptions {
  int64_t in_channels = 256, channels = 256;
  int64_t convs = 4;
  int64_t num_classes = 0;
};

/// convs × relu(conv 3×3) → relu(transposed conv 2×2) → conv 1×1. Weights start normal by their
/// fan-out, as torchvision's and mmdetection's.
/// Parameters: convs.{i}.conv.…, upsample.…, conv_logits.… .
/// Source: He et al. 2017, arXiv:1703.06870, figure 4 (right).
class MaskHead {
 public:
  MaskHead(const Scope& scope, const MaskHeadOptions& options);
  /// @param features (R, H, W, in_channels) of R regions, which may be none
  /// @return logits (R, 2H, 2W, num_classes)
  Tensor operator()(const Tensor& features) const;

 private:
  std::string path_, upsample_path_;
  std::vector<Conv2d> convs_;
  Parameter upsample_weight_, upsample_bias_;
  Conv2d conv_logits_;
};

}  // namespace swin::layers
