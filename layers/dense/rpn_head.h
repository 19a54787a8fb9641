// The head of the region proposal network: at each position of a map, whether there is an object
// near each of the anchors there, and how to move the anchor onto it.
#pragma once
#include <string>

#include "layers/dense/conv_norm.h"

namespace swin::layers {

struct RpnMaps {
  Tensor objectness;  ///< (B, H, W, A) logits
  Tensor deltas;      ///< (B, H, W, 4A), dx dy dw dh of each anchor
};

/// t = relu(conv 3×3 (map)); objectness = conv 1×1 (t), deltas = conv 1×1 (t). One head for the
/// maps of all levels. All weights start normal with deviation 0.01.
/// Parameters: rpn_conv.…, rpn_cls.…, rpn_reg.… .
/// Source: Ren et al. 2015, arXiv:1506.01497, section 3.1; on a pyramid, Lin et al. 2017,
/// arXiv:1612.03144, section 4.1.
class RpnHead {
 public:
  /// @param anchors A, at each position
  RpnHead(const Scope& scope, int64_t channels, int64_t anchors);
  /// @param map (B, H, W, channels)
  RpnMaps operator()(const Tensor& map) const;

 private:
  Conv2d rpn_conv_, rpn_cls_, rpn_reg_;
  std::string path_;
};

}  // namespace swin::layers
