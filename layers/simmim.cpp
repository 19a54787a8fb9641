#include "layers/simmim.h"

#include <cmath>

#include "autograd/tape/op.h"

namespace swin::layers {

using namespace autograd;

constexpr double kMaskTokenStd = 0.02;

MaskedImageModel::MaskedImageModel(const Scope& scope, const ModelConfig& config)
    : stride_(config.patch_size << (config.num_stages() - 1)),
      in_chans_(config.in_chans),
      decoder_path_((scope / "decoder" / "0").path()),
      encoder_(scope / "encoder", config),
      mask_token_((scope / "encoder")
                      .parameter("mask_token", {1, 1, config.embed_dim},
                                 Initializer::normal(kMaskTokenStd), WeightDecay::no)),
      norm_(scope / "encoder" / "norm", encoder_.out_dim()) {
  // In the published code a 1 × 1 convolution with PyTorch's default: uniform in ±1/√fan_in.
  const int64_t dim = encoder_.out_dim(), pixels = stride_ * stride_ * in_chans_;
  const Initializer initial = Initializer::uniform(1 / std::sqrt(static_cast<double>(dim)));
  const Scope decoder = scope / "decoder" / "0";
  decoder_weight_ = decoder.parameter("weight", {pixels, dim, 1, 1}, initial);
  decoder_bias_ = decoder.parameter("bias", {pixels}, initial);
}

Tensor MaskedImageModel::operator()(const Tensor& images, const Tensor& mask,
                                    const Pass& pass) const {
  const Tensor z = norm_(encoder_(images, pass, nullptr, {mask, mask_token_.tensor()}));
  const NamedScope named(decoder_path_);
  const int64_t batch = z.dim(0), height = z.dim(1), width = z.dim(2), dim = z.dim(3), s = stride_;
  const Tensor weight = reshape(decoder_weight_.tensor(), {s * s * in_chans_, dim});
  // Pixel shuffle: channel (c, i, j) of a token is channel c of the pixel (i, j) that it covers.
  Tensor x =
      reshape(linear(z, weight, decoder_bias_.tensor()), {batch, height, width, in_chans_, s, s});
  x = permute(x, {0, 1, 4, 2, 5, 3});
  return reshape(x, {batch, height * s, width * s, in_chans_});
}

}  // namespace swin::layers
