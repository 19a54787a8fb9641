#include "layers/dense/mask_head.h"

#include "autograd/tape/op.h"

namespace swin::layers {

MaskHead::MaskHead(const Scope& scope, const MaskHeadOptions& options) : path_(scope.path()) {
  const int64_t channels = options.channels;
  for (int64_t i = 0; i < options.convs; ++i)
    convs_.emplace_back(scope / "convs" / i / "conv", i == 0 ? options.in_channels : channels,
                        channels, 3, true, Conv2d::kaiming(channels, 3));
  const Scope upsample = scope / "upsample";
  upsample_path_ = upsample.path();
  const int64_t in = options.convs == 0 ? options.in_channels : channels;
  // PyTorch takes the input channels of a transposed convolution for its fan-out.
  upsample_weight_ = upsample.parameter("weight", {in, channels, 2, 2}, Conv2d::kaiming(in, 2));
  upsample_bias_ = upsample.parameter("bias", {channels}, Initializer::zeros());
  conv_logits_ = Conv2d(scope / "conv_logits", channels, options.num_classes, 1, true,
                        Conv2d::kaiming(options.num_classes, 1));
}

Tensor MaskHead::operator()(const Tensor& features) const {
  const autograd::NamedScope named(path_);
  Tensor x = features;
  for (const Conv2d& conv : convs_) x = autograd::relu(conv(x));
  {
    const autograd::NamedScope upsample(upsample_path_);
    x = autograd::relu(
        autograd::conv_transpose_2x2(x, upsample_weight_.tensor(), upsample_bias_.tensor()));
  }
  return conv_logits_(x);
}

}  // namespace swin::layers
