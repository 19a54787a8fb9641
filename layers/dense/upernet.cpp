#include "layers/dense/upernet.h"

#include <algorithm>
#include <numeric>

namespace swin::layers {

namespace {

BackboneOptions backbone_options(const ModelConfig& config, const UperNetOptions& options) {
  BackboneOptions backbone;
  backbone.out_stages.resize(config.depths.size());
  std::iota(backbone.out_stages.begin(), backbone.out_stages.end(), 0);
  backbone.frozen_stages = options.frozen_stages;
  return backbone;
}

UperHeadOptions head_options(const ModelConfig& config, const UperNetOptions& options,
                             const Backbone& backbone) {
  UperHeadOptions head;
  for (const Backbone::Output& output : backbone.outputs())
    head.in_channels.push_back(output.channels);
  head.channels = options.channels;
  head.num_classes = config.num_classes;
  head.pool_scales = options.pool_scales;
  head.norm = options.norm;
  head.dropout = options.dropout;
  return head;
}

}  // namespace

UperNet::UperNet(const Scope& scope, const ModelConfig& config, const UperNetOptions& options)
    : backbone_(scope / "backbone", config, backbone_options(config, options)),
      head_(scope / "decode_head", head_options(config, options, backbone_)) {
  if (options.auxiliary_channels == 0) return;
  // Of the last map but one: stride 16 of a backbone of four stages.
  auxiliary_map_ = std::max<size_t>(backbone_.outputs().size(), 2) - 2;
  auxiliary_.emplace(scope / "auxiliary_head",
                     FcnHeadOptions{.in_channels = backbone_.outputs()[auxiliary_map_].channels,
                                    .channels = options.auxiliary_channels,
                                    .num_classes = config.num_classes,
                                    .norm = options.norm,
                                    .dropout = options.dropout});
}

UperNet::Logits UperNet::operator()(const Tensor& images, const Pass& pass, bool auxiliary) const {
  const std::vector<Tensor> maps = backbone_(images, pass);
  Logits logits;
  logits.decode = head_(maps, pass);
  if (auxiliary && auxiliary_) logits.auxiliary = (*auxiliary_)(maps[auxiliary_map_], pass);
  return logits;
}

}  // namespace swin::layers
