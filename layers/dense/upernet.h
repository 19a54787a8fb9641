// Semantic segmentation: a Swin backbone, UPerNet's head on its four maps, and in training an
// auxiliary head on the map at stride 16.
#pragma once
#include <optional>
#include <vector>

#include "layers/backbone.h"
#include "layers/dense/fcn_head.h"
#include "layers/dense/uper_head.h"

namespace swin::layers {

struct UperNetOptions {
  int64_t channels = 512;
  std::vector<int64_t> pool_scales = {1, 2, 3, 6};
  Norm norm = Norm::batch;
  double dropout = 0.1;              ///< of channels, before both classifiers
  int64_t auxiliary_channels = 256;  ///< 0: no auxiliary head
  int64_t frozen_stages = -1;        ///< as BackboneOptions
};

/// Parameters have the names of the published mmsegmentation files: backbone.…, decode_head.…,
/// auxiliary_head.… .
/// Source: Liu et al. 2021, arXiv:2103.14030, section 4.3; Xiao et al. 2018, arXiv:1807.10221.
class UperNet {
 public:
  /// @throws UsageError if config or options do not describe a possible model.
  UperNet(const Scope& scope, const ModelConfig& config, const UperNetOptions& options);

  struct Logits {
    /// (B, ⌈H/4⌉, ⌈W/4⌉, num_classes), and of the auxiliary head (B, ⌈H/16⌉, ⌈W/16⌉, num_classes);
    /// the sides are those of the backbone's maps.
    Tensor decode, auxiliary;
  };
  /// @param images (B, H, W, in_chans), normalized, of any size.
  /// @param auxiliary whether to compute the auxiliary head's logits, too; without such a head they
  ///     stay undefined.
  Logits operator()(const Tensor& images, const Pass& pass, bool auxiliary) const;
  /// As Backbone::freeze.
  void freeze(Parameters& parameters) const { backbone_.freeze(parameters); }
  bool has_auxiliary() const { return auxiliary_.has_value(); }

 private:
  Backbone backbone_;
  UperHead head_;
  std::optional<FcnHead> auxiliary_;
  size_t auxiliary_map_ = 0;
};

}  // namespace swin::layers
