// Small models for the tests of layers, with parameters that all affect the output.
#pragma once
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <string>
#include <vector>

#include "autograd/tape/op.h"
#include "base/random.h"
#include "layers/model.h"
#include "tests/support/engine_test.h"

namespace swin::layers {

/// Tolerance for rounding, relative to the largest element.
inline constexpr double kExact = sizeof(real) == 4 ? 2e-5 : 1e-12;

/// Images of 20 × 28 pixels, two stages of 5 × 7 and 3 × 4 tokens, windows of 2 × 3: no window
/// divides its map, and odd blocks shift along both sides.
inline ModelConfig micro_config() {
  ModelConfig config;
  config.image_size = {20, 28};
  config.embed_dim = 8;
  config.depths = {2, 2};
  config.num_heads = {2, 4};
  config.window_size = {2, 3};
  config.window_shrink = WindowShrink::never;
  config.mlp_ratio = 2;
  config.drop_path_rate = 0;
  config.num_classes = 5;
  return config;
}

inline Tensor random_tensor(const Shape& shape, uint64_t seed, double size = 1) {
  Tensor x(shape);
  const base::Random random(seed, "test");
  if (x.data())
    for (int64_t i = 0; i < x.numel(); ++i)
      x.mutable_data()[i] = static_cast<real>(size * random.normal(static_cast<uint64_t>(i)));
  return x;
}

inline Tensor random_images(const ModelConfig& config, int64_t batch, uint64_t seed = 5) {
  return random_tensor({batch, config.image_size[0], config.image_size[1], config.in_chans}, seed);
}

/// Random parameters that make attention non-uniform and let norms, biases and tables take effect.
inline void randomize(Parameters& parameters, uint64_t seed = 3) {
  for (size_t i = 0; i < parameters.size(); ++i) {
    const ParameterEntry& entry = parameters[i];
    const base::Random random(seed, entry.name);
    const bool matrix = entry.shape.rank() > 1 && entry.decay == WeightDecay::yes;
    const double fan_in = matrix ? static_cast<double>(entry.numel() / entry.shape[0]) : 1;
    const bool centered_at_one = entry.name.ends_with("norm.weight") ||
                                 entry.name.ends_with("norm1.weight") ||
                                 entry.name.ends_with("norm2.weight");
    for (int64_t j = 0; j < entry.numel(); ++j) {
      const double noise = random.normal(static_cast<uint64_t>(j));
      const double value =
          matrix ? 1.5 * noise / std::sqrt(fan_in) : 0.4 * noise + (centered_at_one ? 1 : 0);
      parameters.mutable_data(i)[j] = static_cast<real>(value);
    }
  }
}

inline std::vector<real> logits_of(const Model& model, const Tensor& images,
                                   const Pass& pass = {}) {
  return model.forward(images, pass).values();
}

/// The largest difference, relative to the largest element of `expected`.
inline double distance(const std::vector<real>& values, const std::vector<real>& expected) {
  EXPECT_EQ(values.size(), expected.size());
  double largest = 0, difference = 0;
  for (size_t i = 0; i < expected.size() && i < values.size(); ++i) {
    if (!std::isfinite(values[i])) return INFINITY;
    largest = std::max(largest, std::abs(static_cast<double>(expected[i])));
    difference = std::max(
        difference, std::abs(static_cast<double>(values[i]) - static_cast<double>(expected[i])));
  }
  return difference / largest;
}

inline Model random_model(const ModelConfig& config, bool with_gradients = false) {
  Model model(config, 1, with_gradients);
  randomize(model.parameters());
  return model;
}

class LayersTest : public oracle::EngineTest {
 protected:
  LayersTest() { base::set_num_threads(1); }  // models too small for several threads
};

}  // namespace swin::layers
