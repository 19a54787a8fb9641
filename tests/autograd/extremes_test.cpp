// Extreme inputs: huge, tiny, denormal, equal. Results stay finite and accurate; NaN gives NaN. For
// each instruction set.
#include <algorithm>
#include <cmath>
#include <limits>

#include "autograd/tape/tape.h"
#include "tests/support/engine_test.h"
#include "tests/support/op_case.h"

namespace swin::oracle {
namespace {

using namespace autograd;
class Extremes : public EngineIsaTest {};
INSTANTIATE_TEST_SUITE_P(Isa, Extremes, testing::ValuesIn(test::tested_isas()), test::isa_of_test);

const std::vector<real>& extreme_values() {
  static const std::vector<real> values = {0,
                                           -real{0},
                                           1e4,
                                           -1e4,
                                           std::numeric_limits<real>::denorm_min(),
                                           -std::numeric_limits<real>::denorm_min(),
                                           std::numeric_limits<real>::min(),
                                           static_cast<real>(-1e-30),
                                           static_cast<real>(88.9),
                                           static_cast<real>(-87.2),
                                           static_cast<real>(-88.5),
                                           -120,
                                           -12,
                                           12,
                                           -6,
                                           6,
                                           static_cast<real>(-3.5)};
  return values;
}

bool finite(const Tensor& x) {
  for (const real value : x.values())
    if (!std::isfinite(value)) return false;
  return true;
}

// Runs y = call(x) and its backward pass with dy = 1. Expects finite y and gradient.
std::pair<Tensor, std::vector<real>> differentiate(
    const Tensor& leaf, const std::function<Tensor(const Tensor&)>& call) {
  const Tensor x = leaf.as_leaf();
  Tape tape;
  Tensor y;
  {
    const Tape::Recording recording(tape);
    y = call(x);
  }
  tape.backward(y, Tensor::filled(y.shape(), 1));
  const std::vector<real> dx(x.gradient().data(), x.gradient().data() + x.numel());
  EXPECT_TRUE(finite(y));
  EXPECT_TRUE(finite(Tensor::from(x.shape(), dx)));
  return {y, dx};
}

TEST_P(Extremes, GeluAndItsTailsAreAccurate) {
  const std::vector<real>& values = extreme_values();
  const Tensor x = Tensor::from({static_cast<int64_t>(values.size())}, values);
  const auto [y, dx] = differentiate(x, [](const Tensor& t) { return gelu(t); });
  const double tolerance = sizeof(real) == 4 ? 1e-6 : 1e-15;
  for (size_t i = 0; i < values.size(); ++i) {
    const double v = static_cast<double>(values[i]), cdf = 0.5 * std::erfc(-v / std::sqrt(2.0));
    const double density = std::exp(-v * v / 2) / std::sqrt(2 * M_PI);
    EXPECT_NEAR(static_cast<double>(y.data()[i]), v * cdf,
                tolerance * std::max(1.0, std::abs(v * cdf)))
        << v;
    EXPECT_NEAR(static_cast<double>(dx[i]), cdf + v * density, tolerance) << v;
  }
}

TEST_P(Extremes, GeluKeepsItsAccuracyOnAFineGrid) {
  Tensor x({4001});
  for (int64_t i = 0; i < x.numel(); ++i)
    x.mutable_data()[i] = static_cast<real>(static_cast<double>(i - 2000) / 200);
  const auto [y, dx] = differentiate(x, [](const Tensor& t) { return gelu(t); });
  double worst = 0, worst_slope = 0;
  for (int64_t i = 0; i < x.numel(); ++i) {
    const double v = static_cast<double>(x.data()[i]), cdf = 0.5 * std::erfc(-v / std::sqrt(2.0));
    worst = std::max(worst, std::abs(static_cast<double>(y.data()[i]) - v * cdf));
    worst_slope =
        std::max(worst_slope, std::abs(static_cast<double>(dx[static_cast<size_t>(i)]) - cdf -
                                       v * std::exp(-v * v / 2) / std::sqrt(2 * M_PI)));
  }
  EXPECT_LE(worst, sizeof(real) == 4 ? 2e-6 : 1e-14);
  EXPECT_LE(worst_slope, sizeof(real) == 4 ? 1e-6 : 1e-14);
}

TEST_P(Extremes, ActivationsOfExtremeValues) {
  const std::vector<real>& values = extreme_values();
  const Tensor x = Tensor::from({static_cast<int64_t>(values.size())}, values);
  const auto [y, dx] = differentiate(x, [](const Tensor& t) { return sigmoid(t); });
  const double tolerance = sizeof(real) == 4 ? 2e-7 : 1e-15;
  for (size_t i = 0; i < values.size(); ++i) {
    const double s = 1 / (1 + std::exp(-static_cast<double>(values[i])));
    EXPECT_NEAR(static_cast<double>(y.data()[i]), s, tolerance) << values[i];
    EXPECT_NEAR(static_cast<double>(dx[i]), s * (1 - s), tolerance) << values[i];
  }
  const auto [r, dr] = differentiate(x, [](const Tensor& t) { return relu(t); });
  for (size_t i = 0; i < values.size(); ++i)
    if (std::abs(values[i]) > real{1e-20f}) {
      EXPECT_EQ(r.data()[i], std::max(values[i], real{0}));
      EXPECT_EQ(dr[i], values[i] > 0 ? 1 : 0) << values[i];
    }
  EXPECT_EQ(dr[0], 0);  // at zero
  // NaN gives NaN.
  const Tensor nan = Tensor::filled({3}, std::numeric_limits<real>::quiet_NaN());
  EXPECT_TRUE(std::isnan(relu(nan).data()[0]));
  EXPECT_TRUE(std::isnan(sigmoid(nan).data()[0]));
}

// A norm below 1e-12 is clamped to 1e-12, a constant: the gradient is dy divided by it.
TEST_P(Extremes, CosineOfTinyVectors) {
  const std::vector<real> small = {static_cast<real>(3e-13), static_cast<real>(4e-13), 0, 0,
                                   static_cast<real>(5e-1),  static_cast<real>(7e-1)};
  const auto call = [](const Tensor& t) {
    return cosine_qkv(t, Tensor::from({1}, std::vector<real>{static_cast<real>(std::log(2.0))}), 1);
  };
  const auto [y, dx] = differentiate(Tensor::from({1, 6}, small), call);
  const std::vector<double> want = {0.6, 0.8, 0, 0, 0.5, 0.7},
                            slope = {2e12, 2e12, 1e12, 1e12, 1, 1};
  for (size_t i = 0; i < 6; ++i) {
    EXPECT_NEAR(static_cast<double>(y.data()[i]), want[i], 1e-6);
    EXPECT_NEAR(static_cast<double>(dx[i]), slope[i], 1e-5 * slope[i]);
  }
  // A norm of 2e-12 is not clamped: the gradient is orthogonal to the vector.
  std::vector<real> large = small;
  large[0] *= 4, large[1] *= 4, large[2] = 1;
  const auto [unit, dunit] = differentiate(Tensor::from({1, 6}, large), call);
  EXPECT_NEAR(static_cast<double>(unit.data()[1]), 1.6, 1e-6);
  // r e (dy − q̂ (q̂ · dy)) with r = 1 / 2e-12, e = 2, q̂ = (0.6, 0.8), dy = (1, 1).
  EXPECT_NEAR(static_cast<double>(dunit[0]), 0.16e12, 1e-4 * 0.16e12);
  EXPECT_NEAR(static_cast<double>(dunit[1]), -0.12e12, 1e-4 * 0.12e12);
  EXPECT_NEAR(static_cast<double>(dunit[2]), 0, 1e-6);
  EXPECT_NEAR(static_cast<double>(dunit[3]), 1, 1e-6);
  const Tensor nan = Tensor::filled({1, 6}, std::numeric_limits<real>::quiet_NaN());
  EXPECT_TRUE(std::isnan(call(nan).data()[0]));
}

// The clamp of logit_scale lets the gradient through at ln 100, but not above.
TEST_P(Extremes, CosineAtTheLargestScale) {
  const real edge = static_cast<real>(4.605170185988091);
  for (const bool above : {false, true}) {
    const Tensor scales =
        Tensor::from({1}, std::vector<real>{above ? std::nextafter(edge, real{9}) : edge});
    const Tensor qkv = Tensor::filled({2, 6}, 1);
    const auto [y, d] =
        differentiate(scales, [&](const Tensor& t) { return cosine_qkv(qkv, t, 1); });
    EXPECT_NEAR(static_cast<double>(y.data()[0]), 100 / std::sqrt(2.0), 1e-3);
    EXPECT_NEAR(static_cast<double>(d[0]), above ? 0 : 400 / std::sqrt(2.0), 1e-2);
  }
}

TEST_P(Extremes, SoftmaxOfExtremeRows) {
  const std::vector<real>& values = extreme_values();
  const int64_t n = static_cast<int64_t>(values.size());
  const auto [y, dx] =
      differentiate(Tensor::from({1, n}, values), [](const Tensor& t) { return softmax(t); });
  EXPECT_EQ(y.data()[2], 1);  // 1e4 gets all of the probability
  double sum = 0;
  for (const real value : y.values()) sum += static_cast<double>(value);
  EXPECT_NEAR(sum, 1, 1e-6);
  const auto [even, deven] =
      differentiate(Tensor::filled({2, 8}, real{-1e4}), [](const Tensor& t) { return softmax(t); });
  for (const real value : even.values()) EXPECT_EQ(value, real{0.125});
  for (const real value : deven) EXPECT_EQ(value, 0);
}

TEST_P(Extremes, LayerNormOfConstantAndHugeRows) {
  const Tensor one = Tensor::filled({19}, 1), zero = Tensor::filled({19}, 0);
  const auto [flat, dflat] = differentiate(
      Tensor::filled({2, 19}, 4096), [&](const Tensor& t) { return layer_norm(t, one, zero); });
  for (const real value : flat.values()) EXPECT_NEAR(static_cast<double>(value), 0, 1e-3);
  const Array far = random_array({3, 19}, 1, 9999, 10001);
  const auto [y, dy] =
      differentiate(to_tensor(far), [&](const Tensor& t) { return layer_norm(t, one, zero); });
  // Mean and variance take two passes: the only error of a mean far from zero is that of x − mean.
  const Array want = reference::layer_norm(far, to_array(one), to_array(zero), 1e-5);
  EXPECT_LE(distance(to_array(y), want), sizeof(real) == 4 ? 2e-3 : 1e-11);
}

TEST_P(Extremes, CrossEntropyOfHugeLogits) {
  const Tensor target = Tensor::from({2, 3}, std::vector<real>{0, 1, 0, 0.5, 0.5, 0});
  const Tensor logits = Tensor::from({2, 3}, std::vector<real>{1e4, -1e4, 0, -1e4, -1e4, -1e4});
  const auto [loss, dlogits] =
      differentiate(logits, [&](const Tensor& t) { return cross_entropy(t, target, real{0.5}); });
  EXPECT_NEAR(static_cast<double>(loss.data()[0]), 0.5 * (2e4 + std::log(3.0)), 2e-3);
  EXPECT_EQ(dlogits[0], real{0.5});
  EXPECT_EQ(dlogits[1], real{-0.5});
}

TEST_P(Extremes, BinaryCrossEntropyOfHugeLogits) {
  const Tensor target = Tensor::from({1, 4}, std::vector<real>{0, 1, 1, 0});
  const Tensor logits = Tensor::from({1, 4}, std::vector<real>{1e4, -1e4, 1e4, -1e4});
  const auto [loss, dlogits] = differentiate(
      logits, [&](const Tensor& t) { return binary_cross_entropy(t, target, real{0.25}); });
  EXPECT_EQ(loss.data()[0], real{5000});
  EXPECT_EQ(dlogits[0], real{0.25});
  EXPECT_EQ(dlogits[1], real{-0.25});
  EXPECT_EQ(dlogits[2], real{0});
  EXPECT_EQ(dlogits[3], real{0});
}

// Scores near ±1e4, and biases of ±1e4, which must not be taken for a mask.
TEST_P(Extremes, AttentionOfHugeScores) {
  for (const double size : {100.0, 1e-30, 0.0}) {
    SCOPED_TRACE(size);
    const reference::Windows g = {{4, 4}, {2, 2}, false, {7, 8}};
    const WindowLayout layout = layout_of({8, 8}, g);
    Array qkv = random_array({1, 8, 8, 48}, 1, -size, size);
    Array table = random_array({49, 2}, 2, -1e4, 1e4);
    OpCase c;
    c.call = [&](const std::vector<Tensor>& t) {
      AttentionOptions options;
      options.num_heads = 2;
      return window_attention(t[0], t[1], layout, options);
    };
    const Array dy = random_array({1, 8, 8, 16}, 3);
    const Outcome outcome = run(c, {qkv, table}, dy, 3);
    const Array want = reference::window_attention(qkv, table, g, 2, 1, 1, {});
    const double score = 8 * size * size + 1e4;
    EXPECT_LE(distance(outcome.y, want),
              (sizeof(real) == 4 ? 1e-6 : 1e-14) * score * std::max(size, 1e-3));
    for (const Array& gradient : outcome.gradients) EXPECT_LT(largest(gradient), 1e6);
    for (const Array& gradient : outcome.gradients) EXPECT_EQ(distance(gradient, gradient), 0);
    // Queries in the padding give exact zeros, forward and backward.
    for (int64_t i = 7 * 8 * 16; i < 8 * 8 * 16; ++i) EXPECT_EQ(outcome.y[i], 0);
    for (int64_t i = 7 * 8 * 48; i < 8 * 8 * 48; ++i) EXPECT_EQ(outcome.gradients[0][i], 0);
  }
}

// Masked keys have a weight of exactly zero: values in the padding do not change any bit.
TEST_P(Extremes, ForbiddenKeysHaveExactlyNoWeight) {
  const WindowLayout layout = layout_of({4, 4}, {{4, 4}, {0, 0}, false, {4, 2}});
  Array qkv = random_array({1, 4, 4, 24}, 1);
  const Array table = random_array({49, 1}, 2);
  OpCase c;
  c.call = [&](const std::vector<Tensor>& t) { return window_attention(t[0], t[1], layout, {}); };
  const Outcome first = run(c, {qkv, table}, random_array({1, 4, 4, 8}, 3), 3);
  for (int64_t token = 0; token < 16; ++token)
    if (token % 4 >= 2)
      for (int64_t i = 0; i < 24; ++i) qkv[token * 24 + i] = 1000;  // other values in the padding
  const Outcome second = run(c, {qkv, table}, random_array({1, 4, 4, 8}, 3), 3);
  EXPECT_EQ(first.y.values, second.y.values);
  EXPECT_EQ(first.gradients[1].values, second.gradients[1].values);
}

// A query without an allowed key, in the composition: no weight anywhere, and no gradient.
TEST_P(Extremes, SoftmaxOfMinusInfinity) {
  const double inf = std::numeric_limits<double>::infinity();
  OpCase c;
  c.call = [](const std::vector<Tensor>& t) { return softmax(t[0]); };
  Array x({3, 9}), dy = random_array({3, 9}, 1);
  for (int64_t j = 0; j < 9; ++j) {
    x[j] = -inf;                    // nothing is allowed
    x[9 + j] = j < 8 ? -inf : -50;  // one key is
    x[18 + j] = j < 8 ? -inf : std::numeric_limits<double>::quiet_NaN();
  }
  const Outcome outcome = run(c, {x}, dy, 1);
  for (int64_t j = 0; j < 9; ++j) {
    EXPECT_EQ(outcome.y[j], 0);
    EXPECT_EQ(outcome.gradients[0][j], 0);
    EXPECT_EQ(outcome.y[9 + j], j < 8 ? 0 : 1);
    EXPECT_EQ(outcome.gradients[0][9 + j], 0);
  }
  EXPECT_TRUE(std::isnan(outcome.y[26]));
}

TEST_P(Extremes, ZerosHaveNoDirection) {
  OpCase c;
  c.call = [](const std::vector<Tensor>& t) { return l2_normalize(t[0]); };
  const Outcome outcome = run(c, {Array({1, 17})}, random_array({1, 17}, 1), 1);
  EXPECT_EQ(largest(outcome.y), 0);
  EXPECT_GT(largest(outcome.gradients[0]), 1e11);  // dy / 1e-12
  EXPECT_LT(largest(outcome.gradients[0]), 1.1e12);
}

// NaN in a key must not become a small weight: every query that attends to the key gives NaN.
TEST_P(Extremes, NaNGivesNaN) {
  const double nan = std::numeric_limits<double>::quiet_NaN();
  const WindowLayout layout = layout_of({4, 8}, {{4, 4}});
  for (const int64_t part : {0, 1, 2}) {  // q, k, v
    SCOPED_TRACE(part);
    Array qkv = random_array({1, 4, 8, 48}, 1);
    qkv[5 * 48 + part * 16 + 3] = nan;  // column 5: the second window, head 0
    OpCase c;
    c.call = [&](const std::vector<Tensor>& t) {
      AttentionOptions options;
      options.num_heads = 2;
      return window_attention(t[0], t[1], layout, options);
    };
    const Outcome outcome =
        run(c, {qkv, random_array({49, 2}, 2)}, random_array({1, 4, 8, 16}, 3), 3);
    for (int64_t token = 0; token < 32; ++token)
      for (int64_t channel = 0; channel < 16; ++channel) {
        bool expected = token % 8 >= 4 && channel < 8;       // the window and head
        if (part == 0) expected = expected && token == 5;    // a query: its own row
        if (part == 2) expected = expected && channel == 3;  // a value: its channel
        EXPECT_EQ(std::isnan(outcome.y[token * 16 + channel]), expected) << token << " " << channel;
      }
    EXPECT_TRUE(std::isnan(outcome.gradients[1][24 * 2]));  // the bias of head 0
    EXPECT_FALSE(std::isnan(outcome.gradients[1][24 * 2 + 1]));
  }
  for (const auto& call : std::vector<std::function<Tensor(const Tensor&)>>{
           [](const Tensor& x) { return gelu(x); }, [](const Tensor& x) { return softmax(x); },
           [](const Tensor& x) {
             return layer_norm(x, Tensor::filled({19}, 1), Tensor::filled({19}, 0));
           },
           [](const Tensor& x) {
             return cross_entropy(x, Tensor::filled({1, 19}, 1), 1);
           }}) {
    for (const int64_t position : {0, 7, 18}) {
      Array x = random_array({1, 19}, 4);
      x[position] = nan;
      const Array y = to_array(call(to_tensor(x)));
      EXPECT_TRUE(std::isnan(y[std::min(position, y.numel() - 1)])) << position;
    }
  }
}

}  // namespace
}  // namespace swin::oracle
