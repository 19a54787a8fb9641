// How the heads of dense tasks normalize maps, with the published names: weight, bias, running_mean
// and running_var.
#pragma once
#include <optional>
#include <string>

#include "layers/basic.h"

namespace swin::layers {

/// Batch normalization. In training by the statistics of the batch, of which it keeps a running
/// mean and variance (buffers, momentum 0.1); in evaluation by those.
class BatchNorm {
 public:
  BatchNorm() = default;
  /// @param frozen whether it goes by the buffers in training, too, and leaves them as they are;
  ///     weight and bias are trained all the same
  BatchNorm(const Scope& scope, int64_t channels, bool frozen = false, double epsilon = 1e-5);
  /// @param x (…, C). In training a slice of a batch has its own statistics: other slices, other
  ///     values. It may have no rows.
  /// @throws UsageError in training if x has one value of each channel
  Tensor operator()(const Tensor& x, const Pass& pass) const;

 private:
  std::string path_;
  Parameter weight_, bias_, running_mean_, running_var_;
  bool frozen_ = false;
  real epsilon_ = 0;
};

/// Group normalization: independent of the batch and its slices.
class GroupNorm {
 public:
  /// The published 32; fewer where 32 does not divide the channels: their greatest common divisor.
  static int64_t groups_of(int64_t channels);
  GroupNorm() = default;
  GroupNorm(const Scope& scope, int64_t channels, int64_t groups, double epsilon = 1e-5);
  /// @param x (B, H, W, C)
  Tensor operator()(const Tensor& x) const;

 private:
  std::string path_;
  Parameter weight_, bias_;
  int64_t groups_ = 1;
  real epsilon_ = 0;
};

/// The norm of a head. frozen: batch norm by its buffers.
enum class Norm { batch, group, frozen };

/// One of them, named as the published code does: bn or gn.
class MapNorm {
 public:
  MapNorm() = default;
  /// @param scope of the module that the norm is a part of
  MapNorm(const Scope& scope, int64_t channels, Norm norm);
  /// @param x (B, H, W, C)
  Tensor operator()(const Tensor& x, const Pass& pass) const;

 private:
  std::optional<GroupNorm> group_;
  BatchNorm batch_;
};

}  // namespace swin::layers
