// The layers every transformer is made of: Linear, LayerNorm, Dropout, DropPath, Mlp.
#pragma once
#include <optional>
#include <string>

#include "autograd/ops/ops.h"
#include "layers/scope.h"

namespace swin::layers {

/// What a forward needs to know beside its input: whether it trains, and which draws are its own.
struct Pass {
  bool training = false;
  uint64_t seed = 0;
  uint64_t step = 0;          ///< step of the run
  uint64_t first_sample = 0;  ///< place of the slice in the whole batch of the step
  autograd::DrawKey draw(uint64_t stream) const { return {seed, stream, step, first_sample}; }
};

/// y = x · weightᵀ + bias.
class Linear {
 public:
  Linear() = default;
  /// @param init_std deviation of the weights; empty: 1/√in.   @param decay of the weights.
  Linear(const Scope& scope, int64_t in, int64_t out, bool bias, std::optional<double> init_std,
         WeightDecay decay = WeightDecay::yes);
  Tensor operator()(const Tensor& x) const;

 private:
  std::string path_;
  Parameter weight_, bias_;
};

class LayerNorm {
 public:
  LayerNorm() = default;
  /// @param weight what the weight begins with; Swin V2's blocks begin with zeros.
  LayerNorm(const Scope& scope, int64_t dim, double epsilon = 1e-5,
            const Initializer& weight = Initializer::ones());
  Tensor operator()(const Tensor& x) const;

 private:
  std::string path_;
  Parameter weight_, bias_;
  real epsilon_ = 0;
};

/// Elements are dropped while training.
class Dropout {
 public:
  Dropout() = default;
  /// @param name of the draw; the stream is the scope's path and this name.
  Dropout(const Scope& scope, const std::string& name, double rate);
  Tensor operator()(const Tensor& x, const Pass& pass) const;
  real rate() const { return rate_; }
  uint64_t stream() const { return stream_; }

 private:
  real rate_ = 0;
  uint64_t stream_ = 0;
};

/// Samples are dropped while training (stochastic depth).
class DropPath {
 public:
  DropPath() = default;
  DropPath(const Scope& scope, const std::string& name, double rate);
  Tensor operator()(const Tensor& x, const Pass& pass) const;

 private:
  real rate_ = 0;
  uint64_t stream_ = 0;
};

/// fc1, GELU, dropout, fc2, dropout.
class Mlp {
 public:
  Mlp() = default;
  Mlp(const Scope& scope, int64_t dim, int64_t hidden, double drop_rate,
      std::optional<double> init_std);
  Tensor operator()(const Tensor& x, const Pass& pass) const;

 private:
  std::string path_;
  Linear fc1_, fc2_;
  Dropout drop1_, drop2_;
};

}  // namespace swin::layers
