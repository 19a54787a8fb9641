// Ops of regions and boxes beyond their rows of the oracle: boxes that are none, values that can be
// told without a reference, limits.
#include <cmath>
#include <limits>

#include "autograd/tape/tape.h"
#include "tests/support/engine_test.h"
#include "tests/support/op_case.h"

namespace swin::oracle {
namespace {

using namespace autograd;
class Regions : public EngineIsaTest {};
INSTANTIATE_TEST_SUITE_P(Isa, Regions, testing::ValuesIn(test::tested_isas()), test::isa_of_test);

constexpr bool kFloat = sizeof(real) == 4;
constexpr double kNaN = std::numeric_limits<double>::quiet_NaN(),
                 kInfinity = std::numeric_limits<double>::infinity();

struct Result {
  Array y, dx;
};
Result aligned(const Array& map, const std::vector<Roi>& rois, const RoiAlignOptions& options) {
  const Tensor x = to_tensor(map).as_leaf();
  Tape tape;
  Tensor y;
  {
    const Tape::Recording recording(tape);
    y = roi_align({x}, {1}, rois, options);
  }
  tape.backward(y, Tensor::filled(y.shape(), 1));
  Array dx(map.shape);
  for (int64_t i = 0; i < dx.numel(); ++i) dx[i] = static_cast<double>(x.gradient().data()[i]);
  return {to_array(y), dx};
}

// A box that is no box has no features and no gradient.
TEST_P(Regions, BoxesThatAreNone) {
  const Array map = random_array({1, 9, 11, 19}, 1, 1, 2);
  for (const Roi& roi :
       {Roi{kNaN, 1, 4, 5}, Roi{1, kNaN, 4, 5}, Roi{1, 1, kNaN, 5}, Roi{1, 1, 4, kNaN},
        Roi{-kInfinity, 1, 4, 5}, Roi{1, 1, kInfinity, 5}, Roi{1, -kInfinity, 4, kInfinity},
        Roi{1, 1, 1e300, 4}, Roi{30, 1, 40, 5}, Roi{-30, 1, -20, 5}, Roi{1, 40, 4, 50}})
    for (const RoiAlignOptions& options :
         {RoiAlignOptions{7, 0, true}, RoiAlignOptions{3, 2, false}}) {
      SCOPED_TRACE(testing::Message() << roi.x1 << ' ' << roi.y1 << ' ' << roi.x2 << ' ' << roi.y2);
      const Result result = aligned(map, {roi}, options);
      EXPECT_EQ(largest(result.y), 0);
      EXPECT_EQ(largest(result.dx), 0);
    }
  // Without a positive width or height there are no points of adaptive sampling.
  for (const Roi& roi : {Roi{4, 1, 4, 5}, Roi{4, 1, 2, 5}, Roi{1, 5, 4, 2}}) {
    EXPECT_EQ(largest(aligned(map, {roi}, {7, 0, true}).y), 0);
    EXPECT_GT(largest(aligned(map, {roi}, {7, 0, false}).y), 0);  // at least a pixel in size
  }
}

// Only the points on the map are visited.
TEST_P(Regions, AnEnormousBoxTakesNoTime) {
  const Array map = random_array({1, 9, 11, 19}, 1, 1, 2);
  const Result result = aligned(map, {{-1e12, -1e12, 1e12, 1e12}}, {7, 0, true});
  EXPECT_GT(largest(result.y), 0);
  EXPECT_LT(largest(result.y), 1e-18);
}

// Bilinear interpolation of a ramp is exact: each bin has the place of its center.
TEST_P(Regions, BinsOfARamp) {
  Array map({1, 20, 30, 2});
  for (int64_t i = 0; i < 20; ++i)
    for (int64_t j = 0; j < 30; ++j) {
      map[(i * 30 + j) * 2] = static_cast<double>(i);
      map[(i * 30 + j) * 2 + 1] = static_cast<double>(j);
    }
  const Roi roi{3.25, 2.5, 24.75, 13};
  for (const bool half : {false, true})
    for (const int64_t ratio : {0, 1, 2, 5}) {
      const Result result = aligned(map, {roi}, {4, ratio, half});
      for (int64_t i = 0; i < 4; ++i)
        for (int64_t j = 0; j < 4; ++j) {
          const double shift = half ? 0.5 : 0, row = (static_cast<double>(i) + 0.5) / 4,
                       column = (static_cast<double>(j) + 0.5) / 4;
          EXPECT_NEAR(result.y[(i * 4 + j) * 2], roi.y1 + row * (roi.y2 - roi.y1) - shift,
                      kFloat ? 1e-5 : 1e-12);
          EXPECT_NEAR(result.y[(i * 4 + j) * 2 + 1], roi.x1 + column * (roi.x2 - roi.x1) - shift,
                      kFloat ? 1e-5 : 1e-12);
        }
      // The weights of a bin that is on the map add up to one.
      double sum = 0;
      for (const double value : result.dx.values) sum += value;
      EXPECT_NEAR(sum, 2 * 16, 1e-4);
    }
}

TEST_P(Regions, NaNReachesTheBinsOfItsPixels) {
  Array map = random_array({1, 8, 8, 3}, 1);
  map[(2 * 8 + 2) * 3 + 1] = kNaN;
  const Array y = aligned(map, {{4, 4, 8, 8}, {1, 1, 4, 4}}, {2, 0, true}).y;
  for (int64_t i = 0; i < y.numel(); ++i) EXPECT_EQ(std::isnan(y[i]), i >= 12 && i % 3 == 1) << i;
}

TEST_P(Regions, GeneralizedIoUOfKnownBoxes) {
  const auto loss = [](const Tensor& box, const std::vector<real>& other) {
    return static_cast<double>(giou_loss(box, Tensor::from({1, 4}, other), 1).data()[0]);
  };
  const Tensor box = Tensor::from({1, 4}, std::vector<real>{1, 1, 3, 3});
  EXPECT_NEAR(loss(box, {1, 1, 3, 3}), 0, 1e-6);
  EXPECT_NEAR(loss(box, {4, 1, 6, 3}), 1 + 1.0 / 5, 1e-6);            // apart: hull 10, union 8
  EXPECT_NEAR(loss(box, {2, 2, 4, 4}), 1 - 1.0 / 7 + 2.0 / 9, 1e-6);  // a corner
  EXPECT_NEAR(loss(box, {1, 1, 2, 2}), 1 - 0.25, 1e-6);               // inside
  EXPECT_TRUE(
      std::isnan(loss(Tensor::from({1, 4}, std::vector<real>{1, 1, NAN, 3}), {0, 0, 1, 1})));
  // At its target a box stays.
  const Tensor leaf = box.as_leaf();
  Tape tape;
  Tensor y;
  {
    const Tape::Recording recording(tape);
    y = giou_loss(leaf, box, 1);
  }
  tape.backward(y);
  for (int i = 0; i < 4; ++i)
    EXPECT_NEAR(static_cast<double>(leaf.gradient().data()[i]), 0, 1e-6) << i;
}

// Runs loss(x) and its backward pass.
std::pair<double, std::vector<real>> differentiate(const std::vector<real>& values,
                                                   const std::function<Tensor(Tensor)>& loss) {
  const Tensor x = Tensor::from({std::ssize(values)}, values).as_leaf();
  Tape tape;
  Tensor y;
  {
    const Tape::Recording recording(tape);
    y = loss(x);
  }
  tape.backward(y);
  return {static_cast<double>(y.data()[0]),
          std::vector<real>(x.gradient().data(), x.gradient().data() + x.numel())};
}

TEST_P(Regions, SmoothL1AtItsTarget) {
  for (const real beta : {real{0}, real{1}}) {
    const auto [loss, slope] = differentiate({2, 2, 5}, [&](const Tensor& x) {
      return smooth_l1(x, Tensor::from({3}, std::vector<real>{2, 4, 2}), beta, 1);
    });
    EXPECT_EQ(loss, beta == 0 ? 5 : 4);
    EXPECT_EQ(slope, (std::vector<real>{0, -1, 1}));
  }
}

TEST_P(Regions, FocalLossOfHugeLogits) {
  const auto [loss, slope] = differentiate({1e4, -1e4, 1e4, -1e4, 0}, [&](const Tensor& x) {
    return sigmoid_focal_loss(x, Tensor::from({5}, std::vector<real>{0, 1, 1, 0, 1}), real{0.25}, 2,
                              1);
  });
  EXPECT_NEAR(loss, 1e4 + 0.25 * 0.25 * std::log(2.0), 1e-3);
  EXPECT_EQ(slope[0], real{0.75});
  EXPECT_EQ(slope[1], real{-0.25});
  EXPECT_EQ(slope[2], 0);
  EXPECT_EQ(slope[3], 0);
  EXPECT_NEAR(static_cast<double>(slope[4]), 0.25 * 0.25 * (std::log(0.5) + 0.5 - 1), 1e-6);
}

TEST_P(Regions, FocalLossWithoutFocusIsBinaryCrossEntropy) {
  const Array x = random_array({30}, 1, -4, 4), t = random_array({30}, 2, 0, 1);
  const auto [focal, dfocal] = differentiate(to_tensor(x).values(), [&](const Tensor& logits) {
    return sigmoid_focal_loss(logits, to_tensor(t), -1, 0, real{0.5});
  });
  const auto [plain, dplain] = differentiate(to_tensor(x).values(), [&](const Tensor& logits) {
    return binary_cross_entropy(reshape(logits, {30, 1}), to_tensor(t).viewed({30, 1}), real{0.5});
  });
  EXPECT_NEAR(focal, plain, kFloat ? 1e-5 : 1e-12);
  for (size_t i = 0; i < 30; ++i)
    EXPECT_NEAR(static_cast<double>(dfocal[i]), static_cast<double>(dplain[i]),
                kFloat ? 1e-6 : 1e-14);
}

// Sides grow at most 62.5 times; they shrink as far only if that is clamped, too.
TEST_P(Regions, LimitsOfDecodedSides) {
  const Tensor box = Tensor::from({1, 4}, std::vector<real>{8, 8, 40, 24});
  for (const bool clamp_below : {false, true}) {
    const Tensor y = decode_boxes(Tensor::from({1, 4}, std::vector<real>{0, 0, 9, -9}), box,
                                  {{1, 1, 1, 1}, clamp_below});
    EXPECT_NEAR(static_cast<double>(y.data()[2] - y.data()[0]), 32 * 62.5, 1e-2);
    EXPECT_NEAR(static_cast<double>(y.data()[3] - y.data()[1]),
                16 * (clamp_below ? 1 / 62.5 : std::exp(-9.0)), 1e-5);
    EXPECT_NEAR(static_cast<double>(y.data()[0] + y.data()[2]), 48, 1e-2);
  }
}

}  // namespace
}  // namespace swin::oracle
