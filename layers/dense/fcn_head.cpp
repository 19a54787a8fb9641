#include "layers/dense/fcn_head.h"

namespace swin::layers {

FcnHead::FcnHead(const Scope& scope, const FcnHeadOptions& options)
    : conv_(scope / "convs" / "0", options.in_channels, options.channels, 3, options.norm),
      dropout_(scope, "dropout", options.dropout),
      conv_seg_(pixel_classifier(scope, options.channels, options.num_classes)) {}

Tensor FcnHead::operator()(const Tensor& map, const Pass& pass) const {
  return conv_seg_(dropout_(conv_(map, pass), pass));
}

}  // namespace swin::layers
