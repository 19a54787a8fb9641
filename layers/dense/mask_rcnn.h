// Mask R-CNN: a Swin backbone, a feature pyramid, the region proposal network's head, and the heads
// of regions: box and mask, or three of each, a cascade. Between the parts stands plain code (which
// regions?), so the task calls them one by one (tasks/detection.h).
#pragma once
#include <vector>

#include "layers/backbone.h"
#include "layers/dense/box_head.h"
#include "layers/dense/fpn.h"
#include "layers/dense/mask_head.h"
#include "layers/dense/rpn_head.h"

namespace swin::layers {

struct MaskRcnnOptions {
  int64_t channels = 256;       ///< of the pyramid
  int64_t anchors = 3;          ///< at each position of a map
  int64_t box_channels = 1024;  ///< of the box head's layers
  bool mask = true;             ///< false: Faster R-CNN
  int64_t mask_channels = 256, mask_convs = 4;
  /// Cascade Mask R-CNN: three stages of heads, each of which looks at the boxes of the one before;
  /// box heads of four convolutions and one linear layer.
  bool cascade = false;
  autograd::RoiAlignOptions box_align{.size = 7}, mask_align{.size = 14};
  InitialValues initial = InitialValues::mmdetection;
  int64_t frozen_stages = -1;  ///< as BackboneOptions
};

/// Parameters have the names of the published mmdetection files: backbone.…, neck.…, rpn_head.…,
/// roi_head.bbox_head.…, roi_head.mask_head.…; of a cascade roi_head.bbox_head.{stage}.… .
/// Source: He et al. 2017, arXiv:1703.06870; Liu et al. 2021, arXiv:2103.14030, section 4.2; Cai
/// and Vasconcelos 2019, arXiv:1906.09756.
class MaskRcnn {
 public:
  /// @throws UsageError if config or options do not describe a possible model.
  MaskRcnn(const Scope& scope, const ModelConfig& config, const MaskRcnnOptions& options);

  /// The pyramid of the backbone's maps.
  /// @param images (B, H, W, in_chans), normalized, of any size
  /// @return a map (B, Hᵢ, Wᵢ, channels) for each of strides(), the finest first
  std::vector<Tensor> pyramid(const Tensor& images, const Pass& pass) const;
  /// Of each map of the pyramid.
  std::vector<RpnMaps> propose(const std::vector<Tensor>& pyramid) const;
  /// Of the heads of regions: 3 of a cascade, else 1.
  int64_t stages() const { return std::ssize(box_heads_); }
  /// The classes and boxes of regions, by the heads of a stage.
  /// @param regions Roi::map is below region_levels()
  BoxPredictions boxes(const std::vector<Tensor>& pyramid,
                       const std::vector<autograd::Roi>& regions, const Pass& pass = {},
                       int64_t stage = 0) const;
  /// The masks of regions: logits (R, M, M, num_classes), M twice mask_align.size.
  /// @throws InternalError without a mask head
  Tensor masks(const std::vector<Tensor>& pyramid, const std::vector<autograd::Roi>& regions,
               int64_t stage = 0) const;

  /// Pixels of the image for one of each map of the pyramid.
  const std::vector<int64_t>& strides() const { return strides_; }
  /// The first maps of the pyramid, from which regions take their features: all but the last.
  int64_t region_levels() const { return std::ssize(strides_) - 1; }
  /// The side M of a mask; 0 without a mask head.
  int64_t mask_side() const { return mask_heads_.empty() ? 0 : 2 * options_.mask_align.size; }

  /// As Backbone::freeze.
  void freeze(Parameters& parameters) const { backbone_.freeze(parameters); }

  const Backbone& backbone() const { return backbone_; }
  const Fpn& neck() const { return neck_; }
  const RpnHead& rpn_head() const { return rpn_head_; }
  const BoxHead& box_head(size_t stage = 0) const { return box_heads_.at(stage); }
  const MaskHead& mask_head(size_t stage = 0) const { return mask_heads_.at(stage); }

 private:
  Tensor features(const std::vector<Tensor>& pyramid, const std::vector<autograd::Roi>& regions,
                  const autograd::RoiAlignOptions& align) const;

  MaskRcnnOptions options_;
  Backbone backbone_;
  Fpn neck_;
  RpnHead rpn_head_;
  std::vector<BoxHead> box_heads_;
  std::vector<MaskHead> mask_heads_;
  std::vector<int64_t> strides_;
};

}  // namespace swin::layers
