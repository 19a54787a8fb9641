// The head that says the class of a region and how to move the region onto the object.
#pragma once
#include <string>
#include <vector>

#include "layers/dense/conv_norm.h"
#include "layers/dense/initial_values.h"

namespace swin::layers {

struct BoxHeadOptions {
  int64_t in_channels = 256;
  int64_t side = 7;   ///< of a region's features
  int64_t convs = 0;  ///< 3 × 3 with batch norm, of in_channels
  int64_t fcs = 2;    ///< linear layers behind them
  int64_t channels = 1024;
  int64_t num_classes = 0;
  InitialValues initial = InitialValues::mmdetection;
};

struct BoxPredictions {
  Tensor logits;  ///< (R, num_classes + 1), the background last
  Tensor deltas;  ///< (R, 4 · num_classes), dx dy dw dh for each class
};

/// convs × relu(batch norm(conv)), fcs × relu(fc), then fc_cls and fc_reg. The features of a region
/// are flattened in the published order (channel, y, x).
/// Parameters: shared_convs.{i}.{conv,bn}.…, shared_fcs.{i}.…, fc_cls.…, fc_reg.… .
/// Source: Girshick 2015, arXiv:1504.08083; Lin et al. 2017, arXiv:1612.03144, section 4.2; with
/// convolutions, Wu and He 2018, arXiv:1803.08494, section 4.2.
class BoxHead {
 public:
  BoxHead(const Scope& scope, const BoxHeadOptions& options);
  /// @param features (R, side, side, in_channels) of R regions, which may be none
  BoxPredictions operator()(const Tensor& features, const Pass& pass = {}) const;

 private:
  std::string path_;
  std::vector<ConvNorm> convs_;
  std::vector<Linear> fcs_;
  Linear fc_cls_, fc_reg_;
};

}  // namespace swin::layers
