// The feature pyramid of detectors: maps of one number of channels at all strides of a backbone,
// each with what the coarser ones know.
#pragma once
#include <string>
#include <vector>

#include "layers/dense/conv_norm.h"
#include "layers/dense/initial_values.h"

namespace swin::layers {

struct FpnOptions {
  std::vector<int64_t> in_channels;  ///< of the backbone's maps, the finest first
  int64_t channels = 256;
  InitialValues initial = InitialValues::mmdetection;
};

/// lateral_i = conv 1×1 (map_i); from the coarsest down lateral_{i−1} += lateral_i, repeated to the
/// finer size (nearest); out_i = conv 3×3 (lateral_i). No norm, no activation. One more, coarsest
/// map is every second pixel of the last output.
/// Parameters: lateral_convs.{i}.conv.…, fpn_convs.{i}.conv.… .
/// Source: Lin et al. 2017, arXiv:1612.03144, section 3.
class Fpn {
 public:
  Fpn(const Scope& scope, const FpnOptions& options);
  /// @param maps (B, Hᵢ, Wᵢ, in_channels[i]), the finest first
  /// @return (B, Hᵢ, Wᵢ, channels) for each of them, and (B, ⌈H/2⌉, ⌈W/2⌉, channels) of the last
  std::vector<Tensor> operator()(const std::vector<Tensor>& maps) const;

 private:
  std::string path_;
  std::vector<Conv2d> laterals_, outputs_;
};

}  // namespace swin::layers
