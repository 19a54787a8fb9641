#include "layers/dense/mask_rcnn.h"

#include <numeric>

#include "base/errors.h"

namespace swin::layers {

using autograd::Roi;

namespace {

BackboneOptions backbone_options(const ModelConfig& config, const MaskRcnnOptions& options) {
  BackboneOptions backbone;
  backbone.out_stages.resize(config.depths.size());
  std::iota(backbone.out_stages.begin(), backbone.out_stages.end(), 0);
  backbone.frozen_stages = options.frozen_stages;
  return backbone;
}

FpnOptions neck_options(const MaskRcnnOptions& options, const Backbone& backbone) {
  FpnOptions neck;
  for (const Backbone::Output& output : backbone.outputs())
    neck.in_channels.push_back(output.channels);
  neck.channels = options.channels;
  neck.initial = options.initial;
  return neck;
}

}  // namespace

MaskRcnn::MaskRcnn(const Scope& scope, const ModelConfig& config, const MaskRcnnOptions& options)
    : options_(options),
      backbone_(scope / "backbone", config, backbone_options(config, options)),
      neck_(scope / "neck", neck_options(options, backbone_)),
      rpn_head_(scope / "rpn_head", options.channels, options.anchors) {
  const Scope heads = scope / "roi_head";
  const int64_t stages = options.cascade ? 3 : 1;
  const auto head = [&](const char* name, int64_t stage) {
    return options.cascade ? heads / name / stage : heads / name;
  };
  for (int64_t stage = 0; stage < stages; ++stage)
    box_heads_.emplace_back(head("bbox_head", stage),
                            BoxHeadOptions{.in_channels = options.channels,
                                           .side = options.box_align.size,
                                           .convs = options.cascade ? 4 : 0,
                                           .fcs = options.cascade ? 1 : 2,
                                           .channels = options.box_channels,
                                           .num_classes = config.num_classes,
                                           .initial = options.initial});
  for (int64_t stage = 0; options.mask && stage < stages; ++stage)
    mask_heads_.emplace_back(head("mask_head", stage),
                             MaskHeadOptions{.in_channels = options.channels,
                                             .channels = options.mask_channels,
                                             .convs = options.mask_convs,
                                             .num_classes = config.num_classes});
  for (const Backbone::Output& output : backbone_.outputs()) strides_.push_back(output.stride);
  strides_.push_back(2 * strides_.back());
}

std::vector<Tensor> MaskRcnn::pyramid(const Tensor& images, const Pass& pass) const {
  return neck_(backbone_(images, pass));
}

std::vector<RpnMaps> MaskRcnn::propose(const std::vector<Tensor>& pyramid) const {
  std::vector<RpnMaps> maps;
  for (const Tensor& map : pyramid) maps.push_back(rpn_head_(map));
  return maps;
}

Tensor MaskRcnn::features(const std::vector<Tensor>& pyramid, const std::vector<Roi>& regions,
                          const autograd::RoiAlignOptions& align) const {
  std::vector<double> scales;
  for (int64_t level = 0; level < region_levels(); ++level)
    scales.push_back(1.0 / static_cast<double>(strides_[static_cast<size_t>(level)]));
  return autograd::roi_align({pyramid.begin(), pyramid.begin() + region_levels()}, scales, regions,
                             align);
}

BoxPredictions MaskRcnn::boxes(const std::vector<Tensor>& pyramid, const std::vector<Roi>& regions,
                               const Pass& pass, int64_t stage) const {
  return box_heads_.at(static_cast<size_t>(stage))(features(pyramid, regions, options_.box_align),
                                                   pass);
}

Tensor MaskRcnn::masks(const std::vector<Tensor>& pyramid, const std::vector<Roi>& regions,
                       int64_t stage) const {
  if (mask_heads_.empty()) throw base::InternalError("masks", "found no mask head, expected one");
  return mask_heads_.at(static_cast<size_t>(stage))(
      features(pyramid, regions, options_.mask_align));
}

}  // namespace swin::layers
