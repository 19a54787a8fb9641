// The layers that all models are made of: Linear, LayerNorm, the three dropouts, Mlp.
#pragma once
#include <optional>
#include <string>
#include <vector>

#include "autograd/ops/ops.h"
#include "layers/scope.h"

namespace swin::layers {

/// What a forward pass needs besides its input: the mode, and which random numbers to draw.
struct Pass {
  bool training = false;
  uint64_t seed = 0;
  uint64_t step = 0;          ///< training step
  uint64_t first_sample = 0;  ///< index of the micro-batch's first sample in the whole batch
  /// Of the samples of a tensor that holds only some of the micro-batch: their numbers in it.
  autograd::DrawKey::Samples samples = nullptr;
  /// Where new statistics of buffers go; null in evaluation. Those of a replay or a dry run are
  /// never committed.
  std::vector<BufferUpdate>* buffer_updates = nullptr;
  autograd::DrawKey draw(uint64_t stream) const {
    return {seed, stream, step, first_sample, samples ? samples->data() : nullptr, samples};
  }
  /// For layers that get these samples of the micro-batch alone: they draw what they would draw in
  /// all of it.
  Pass of(const autograd::KeptSamples& kept) const;
  /// Takes an update from a layer, unless a segment is computed again (autograd::recompute).
  void update(const Parameter& buffer, const Tensor& statistics, real momentum) const;
};

/// A layer in a residual half: tokens in, tokens of the same shape out.
class TokenLayer {
 public:
  virtual ~TokenLayer() = default;
  /// @param x (B, …, dim)   @return the shape of x
  virtual Tensor operator()(const Tensor& x, const Pass& pass) const = 0;
  /// The whole half as one op, where there is one for this layer, this x and this pass.
  /// @param pass of the kept samples
  /// @return the shape of x; nothing if the half has to be composed
  virtual std::optional<Tensor> residual(const Tensor& /*x*/, const autograd::NormWeights& /*norm*/,
                                         autograd::NormPlace /*place*/,
                                         const autograd::KeptSamples& /*kept*/,
                                         const Pass& /*pass*/) const {
    return {};
  }
};

/// y = x · weightᵀ + bias.
class Linear {
 public:
  Linear() = default;
  /// @param init_std standard deviation of the initial weights; empty: 1/√in
  /// @param decay whether the weights decay
  Linear(const Scope& scope, int64_t in, int64_t out, bool bias, std::optional<double> init_std,
         WeightDecay decay = WeightDecay::yes);
  /// With a bias and initial values of other kinds.
  Linear(const Scope& scope, int64_t in, int64_t out, const Initializer& weight,
         const Initializer& bias);
  Tensor operator()(const Tensor& x) const;
  autograd::LinearWeights weights() const { return {weight_.tensor(), bias_.tensor()}; }

 private:
  std::string path_;
  Parameter weight_, bias_;
};

/// Layer normalization over the last axis.
class LayerNorm {
 public:
  LayerNorm() = default;
  /// @param weight initial weight: ones, or zeros in the blocks of Swin V2
  LayerNorm(const Scope& scope, int64_t dim, double epsilon = 1e-5,
            const Initializer& weight = Initializer::ones());
  Tensor operator()(const Tensor& x) const;
  autograd::NormWeights weights() const { return {weight_.tensor(), bias_.tensor(), epsilon_}; }

 private:
  std::string path_;
  Parameter weight_, bias_;
  real epsilon_ = 0;
};

/// Drops elements in training mode.
class Dropout {
 public:
  Dropout() = default;
  /// @param name the random stream is `<path of the scope>/<name>`
  Dropout(const Scope& scope, const std::string& name, double rate);
  Tensor operator()(const Tensor& x, const Pass& pass) const;
  real rate() const { return rate_; }
  /// Whether it drops anything in this pass.
  bool active(const Pass& pass) const { return pass.training && rate_ > 0; }
  uint64_t stream() const { return stream_; }

 private:
  real rate_ = 0;
  uint64_t stream_ = 0;
};

/// The options of an attention whose probabilities `drop` drops.
autograd::AttentionOptions attention_options(int64_t num_heads, real scale, const Dropout& drop,
                                             const Pass& pass);

/// Drops whole samples in training mode (stochastic depth).
class DropPath : public Dropout {
 public:
  using Dropout::Dropout;
  Tensor operator()(const Tensor& x, const Pass& pass) const;
  /// The samples of a micro-batch that it does not drop.
  autograd::KeptSamples kept(int64_t batch, const Pass& pass) const;
};

/// Drops whole channels of a map (B, H, W, C) in training mode.
class DropChannels : public Dropout {
 public:
  using Dropout::Dropout;
  Tensor operator()(const Tensor& x, const Pass& pass) const;
};

/// fc1, GELU, dropout, fc2, dropout.
class Mlp : public TokenLayer {
 public:
  Mlp(const Scope& scope, int64_t dim, int64_t hidden, double drop_rate,
      std::optional<double> init_std);
  Tensor operator()(const Tensor& x, const Pass& pass) const override;
  /// With dropout the half has to be composed.
  std::optional<Tensor> residual(const Tensor& x, const autograd::NormWeights& norm,
                                 autograd::NormPlace place, const autograd::KeptSamples& kept,
                                 const Pass& pass) const override;

 private:
  std::string path_;
  Linear fc1_, fc2_;
  Dropout drop1_, drop2_;
};

}  // namespace swin::layers
