// Convolutions of the heads of dense tasks.
#pragma once
#include <string>

#include "layers/dense/norm.h"

namespace swin::layers {

/// A convolution that keeps the map's size, ⌈H/stride⌉ × ⌈W/stride⌉ with a stride.
class Conv2d {
 public:
  Conv2d() = default;
  /// @param kernel 1 or 3
  /// @param weight initial weights; the bias starts with zeros
  Conv2d(const Scope& scope, int64_t in, int64_t out, int64_t kernel, bool bias,
         const Initializer& weight, int64_t stride = 1);
  /// √(2 / (out · kernel²)), by which a ReLU keeps the size of gradients.
  /// Source: He et al. 2015, arXiv:1502.01852 (fan out).
  static Initializer kaiming(int64_t out, int64_t kernel);
  /// @param x (B, H, W, in)   @return (B, ⌈H/stride⌉, ⌈W/stride⌉, out)
  Tensor operator()(const Tensor& x) const;

 private:
  std::string path_;
  Parameter weight_, bias_;
  autograd::ConvOptions options_;
};

/// A convolution without bias, a norm and a ReLU: conv.weight, and bn.… or gn.… .
class ConvNorm {
 public:
  ConvNorm() = default;
  ConvNorm(const Scope& scope, int64_t in, int64_t out, int64_t kernel, Norm norm);
  /// @param x (B, H, W, in)   @return (B, H, W, out)
  Tensor operator()(const Tensor& x, const Pass& pass) const;

 private:
  std::string path_;
  Conv2d conv_;
  MapNorm norm_;
};

}  // namespace swin::layers
