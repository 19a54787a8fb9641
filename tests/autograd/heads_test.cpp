// Ops of heads beyond their rows of the oracle: the statistics of a batch, extreme values, what is
// ignored or dropped.
#include <cmath>
#include <limits>

#include "autograd/tape/tape.h"
#include "tests/support/engine_test.h"
#include "tests/support/op_case.h"

namespace swin::oracle {
namespace {

using namespace autograd;
class Heads : public EngineIsaTest {};
INSTANTIATE_TEST_SUITE_P(Isa, Heads, testing::ValuesIn(test::tested_isas()), test::isa_of_test);

constexpr bool kFloat = sizeof(real) == 4;
constexpr double kNaN = std::numeric_limits<double>::quiet_NaN();
constexpr real kEpsilon = static_cast<real>(1e-5);

Tensor ones(int64_t n) { return Tensor::filled({n}, 1); }
Tensor nothing(int64_t n) { return Tensor::filled({n}, 0); }

TEST_P(Heads, StatisticsOfABatch) {
  for (const Shape& shape :
       {Shape{2, 1}, Shape{2, 3, 3, 17}, Shape{5, 515}, Shape{3, 29, 37, 40}}) {
    SCOPED_TRACE(shape.text());
    const Array x = random_array(shape, 1, 0.5, 2.5);
    const int64_t channels = shape[-1];
    BatchStatistics found;
    batch_norm(to_tensor(x), ones(channels), nothing(channels), kEpsilon, &found);
    EXPECT_LE(distance(to_array(found.mean), reference::channel_means(x)), kFloat ? 2e-7 : 1e-14);
    EXPECT_LE(distance(to_array(found.variance), reference::channel_variances(x, 1)),
              kFloat ? 2e-6 : 1e-13);
  }
}

// Blocks and tiles are averaged about their own means: neither a mean far from zero nor values that
// begin with others cost digits.
TEST_P(Heads, StatisticsOfValuesFarFromZero) {
  Array x = random_array({3, 53, 61, 5}, 1, 9999, 10001);
  for (int64_t i = 0; i < 61 * 5; ++i) x[i] = 0;
  BatchStatistics found;
  const Tensor y = batch_norm(to_tensor(x), ones(5), nothing(5), kEpsilon, &found);
  const Array mean = reference::channel_means(x), variance = reference::channel_variances(x, 1);
  EXPECT_LE(distance(to_array(found.mean), mean), kFloat ? 5e-4 : 1e-9);  // half the last digit
  EXPECT_LE(distance(to_array(found.variance), variance) / largest(variance),
            kFloat ? 1e-6 : 1e-12);
  const Array close = random_array({40, 40, 5}, 1, 9999, 10001);
  const Tensor narrow = batch_norm(to_tensor(close), ones(5), nothing(5), kEpsilon, &found);
  EXPECT_LE(distance(to_array(found.variance), reference::channel_variances(close, 1)),
            kFloat ? 1e-6 : 1e-12);
  EXPECT_LE(distance(to_array(narrow),
                     reference::batch_norm(close, to_array(ones(5)), to_array(nothing(5)), 1e-5)),
            kFloat ? 2e-3 : 1e-9);
}

TEST_P(Heads, ConstantChannelsAreTheBias) {
  const Tensor x = Tensor::filled({2, 3, 3, 9}, 4096).as_leaf();
  const Tensor bias = to_tensor(random_array({9}, 1));
  const auto is_the_bias = [&](const Tensor& y) {
    for (int64_t i = 0; i < y.numel(); ++i)
      EXPECT_NEAR(static_cast<double>(y.data()[i]), static_cast<double>(bias.data()[i % 9]), 1e-6);
  };
  Tape tape;
  Tensor y;
  {
    const Tape::Recording recording(tape);
    BatchStatistics found;
    const Tensor first = batch_norm(x, ones(9), bias, kEpsilon, &found);
    is_the_bias(first);
    EXPECT_EQ(largest(to_array(found.variance)), 0);
    const Tensor second = group_norm(x, ones(9), bias, 3, kEpsilon);
    is_the_bias(second);
    y = add(first, second);
  }
  tape.backward(y, to_tensor(random_array(y.shape(), 2)));
  for (int64_t i = 0; i < x.numel(); ++i) EXPECT_TRUE(std::isfinite(x.gradient().data()[i]));
}

// Statistics of a batch that are given afterwards, biased as the batch's own normalization is.
TEST_P(Heads, FrozenNormWithTheStatisticsOfTheBatch) {
  const Array x = random_array({2, 4, 3, 17}, 1, 0.5, 2.5);
  const Tensor weight = to_tensor(random_array({17}, 2)), bias = to_tensor(random_array({17}, 3));
  const Array want = to_array(batch_norm(to_tensor(x), weight, bias, kEpsilon, nullptr));
  const Array got =
      to_array(frozen_norm(to_tensor(x), weight, bias, to_tensor(reference::channel_means(x)),
                           to_tensor(reference::channel_variances(x, 0)), kEpsilon));
  EXPECT_LE(distance(got, want), kFloat ? 1e-6 : 1e-13);
}

TEST_P(Heads, NaNStaysInItsGroup) {
  Array x = random_array({2, 3, 3, 8}, 1);
  x[8 + 5] = kNaN;  // image 0, channel 5
  const Array batch = to_array(batch_norm(to_tensor(x), ones(8), nothing(8), kEpsilon, nullptr));
  const Array group = to_array(group_norm(to_tensor(x), ones(8), nothing(8), 4, kEpsilon));
  for (int64_t i = 0; i < x.numel(); ++i) {
    EXPECT_EQ(std::isnan(batch[i]), i % 8 == 5) << i;
    EXPECT_EQ(std::isnan(group[i]), i < 72 && (i % 8) / 2 == 2) << i;
  }
}

struct LossAndGradient {
  double loss;
  Array gradient;
};
LossAndGradient pixel_loss(const Array& logits, const std::vector<int32_t>& labels) {
  const Tensor x = to_tensor(logits).as_leaf();
  Tape tape;
  Tensor loss;
  {
    const Tape::Recording recording(tape);
    loss = pixel_cross_entropy(x, autograd::Array<int32_t>::from(labels), {}, 1);
  }
  tape.backward(loss);
  Array gradient(logits.shape);
  for (int64_t i = 0; i < gradient.numel(); ++i)
    gradient[i] = static_cast<double>(x.gradient().data()[i]);
  return {static_cast<double>(loss.data()[0]), gradient};
}

TEST_P(Heads, PixelsOfExtremeLogits) {
  Array x({1, 19});
  for (int64_t j = 0; j < 19; ++j) x[j] = j == 18 ? 10000 : -10000;
  EXPECT_EQ(pixel_loss(x, {18}).loss, 0);
  const LossAndGradient wrong = pixel_loss(x, {2});
  EXPECT_EQ(wrong.loss, 20000);
  for (int64_t j = 0; j < 19; ++j) EXPECT_EQ(wrong.gradient[j], (j == 18) - (j == 2)) << j;
  // A small loss of large logits keeps its digits: log(1 + e⁻⁹).
  for (int64_t j = 0; j < 19; ++j) x[j] = j == 4 ? 1000 : j == 18 ? 991 : -10000;
  EXPECT_NEAR(pixel_loss(x, {4}).loss, std::log1p(std::exp(-9.0)), kFloat ? 3e-7 : 1e-12);
}

TEST_P(Heads, IgnoredPixelsMayHoldAnything) {
  for (const int64_t at : {0, 7, 18}) {
    Array x = random_array({3, 19}, 4);
    const LossAndGradient clean = pixel_loss(x, {3, -1, 5});
    x[19 + at] = kNaN;
    const LossAndGradient same = pixel_loss(x, {3, -1, 5});
    EXPECT_EQ(same.loss, clean.loss);
    EXPECT_EQ(same.gradient.values, clean.gradient.values);
    for (int64_t j = 19; j < 38; ++j) EXPECT_EQ(same.gradient[j], 0);
    EXPECT_TRUE(std::isnan(pixel_loss(x, {3, 2, 5}).loss)) << at;
    // The same of Dice.
    Array map = x;
    map.shape = {1, 1, 3, 19};
    const auto dice = [&](const std::vector<int32_t>& labels) {
      return dice_loss(to_tensor(map), autograd::Array<int32_t>::from(labels), 1).data()[0];
    };
    EXPECT_TRUE(std::isfinite(dice({3, -1, 5})));
    EXPECT_TRUE(std::isnan(dice({3, 2, 5}))) << at;
  }
}

TEST_P(Heads, ALabelIsADistributionOfOneClass) {
  const Array x = random_array({7, 19}, 1, -4, 4);
  const std::vector<int32_t> labels = {0, 3, 18, 7, 8, 15, 16};
  Array target({7, 19});
  for (size_t r = 0; r < 7; ++r) target[static_cast<int64_t>(r) * 19 + labels[r]] = 1;
  EXPECT_NEAR(pixel_loss(x, labels).loss,
              static_cast<double>(cross_entropy(to_tensor(x), to_tensor(target), 1).data()[0]),
              kFloat ? 2e-5 : 1e-12);
}

TEST_P(Heads, DroppedChannelsAreZeroWhateverTheyHeld) {
  const double inf = std::numeric_limits<double>::infinity();
  Array x({4, 3, 2, 37});
  for (double& value : x.values) value = inf;
  const Tensor y = drop_channels(to_tensor(x), real{0.5}, {1, 2, 3, 0});
  int64_t dropped = 0;
  for (int64_t b = 0; b < 4; ++b)
    for (int64_t c = 0; c < 37; ++c) {
      const real first = y.data()[b * 6 * 37 + c];
      EXPECT_TRUE(first == 0 || std::isinf(first));
      dropped += first == 0;
      for (int64_t t = 1; t < 6; ++t) EXPECT_EQ(y.data()[(b * 6 + t) * 37 + c], first);
    }
  EXPECT_NEAR(static_cast<double>(dropped), 74, 25);
  // A slice draws what its samples draw in the batch.
  const Tensor part = drop_channels(slice(to_tensor(x), 0, 1, 3), real{0.5}, {1, 2, 3, 1});
  for (int64_t i = 0; i < part.numel(); ++i) EXPECT_EQ(part.data()[i], y.data()[6 * 37 + i]);
}

}  // namespace
}  // namespace swin::oracle
