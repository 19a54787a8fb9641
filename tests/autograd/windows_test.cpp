// The published index table, mask and coordinates, the index tables of windows, and the ops that
// move tokens as linear maps.
#include <algorithm>
#include <cmath>
#include <numeric>

#include "autograd/tape/tape.h"
#include "tests/support/engine_test.h"
#include "tests/support/op_case.h"

namespace swin::oracle {
namespace {

using autograd::Size2;
class Windows : public EngineTest {};
class Movers : public EngineIsaTest {};
INSTANTIATE_TEST_SUITE_P(Isa, Movers, testing::ValuesIn(test::tested_isas()), test::isa_of_test);

TEST_F(Windows, PublishedIndexOfTwoByTwo) {
  EXPECT_EQ(autograd::relative_position_index({2, 2}),
            (std::vector<int32_t>{4, 3, 1, 0, 5, 4, 2, 1, 7, 6, 4, 3, 8, 7, 5, 4}));
}

TEST_F(Windows, IndexOfOblongWindowsFollowsTheFormula) {
  const Size2 w = {2, 3};
  const std::vector<int32_t> index = autograd::relative_position_index(w);
  ASSERT_EQ(index.size(), 36u);
  for (int yi = 0; yi < 2; ++yi)
    for (int xi = 0; xi < 3; ++xi)
      for (int yj = 0; yj < 2; ++yj)
        for (int xj = 0; xj < 3; ++xj)
          EXPECT_EQ(index[static_cast<size_t>((yi * 3 + xi) * 6 + yj * 3 + xj)],
                    (yi - yj + 1) * 5 + (xi - xj + 2));
}

TEST_F(Windows, PublishedMaskOfAFourByFourMap) {
  const Tensor mask = autograd::attention_mask(layout_of({4, 4}, {{2, 2}, {1, 1}}));
  ASSERT_EQ(mask.shape(), (Shape{4, 4, 4}));
  const real x = -100;
  const std::vector<real> want = {
      0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0,  // window 0: all are neighbors
      0, x, 0, x, x, 0, x, 0, 0, x, 0, x, x, 0, x, 0,  // window 1: two groups of columns
      0, 0, x, x, 0, 0, x, x, x, x, 0, 0, x, x, 0, 0,  // window 2: two groups of rows
      0, x, x, x, x, 0, x, x, x, x, 0, x, x, x, x, 0,  // window 3: four groups
  };
  EXPECT_EQ(mask.values(), want);
}

TEST_F(Windows, NoLabelsWhereEveryKeyMayBeSeen) {
  EXPECT_TRUE(autograd::window_labels(layout_of({4, 4}, {{2, 2}})).empty());
  EXPECT_TRUE(autograd::window_labels(layout_of({4, 4}, {{2, 2}, {0, 0}, false, {4, 4}})).empty());
  EXPECT_FALSE(autograd::window_labels(layout_of({4, 4}, {{2, 2}, {0, 1}})).empty());
  EXPECT_FALSE(autograd::window_labels(layout_of({4, 4}, {{2, 2}, {0, 0}, false, {4, 3}})).empty());
  EXPECT_FALSE(autograd::window_labels(layout_of({4, 4}, {{2, 2}, {0, 0}, false, {3, 4}})).empty());
}

TEST_F(Windows, LabelsOfPaddingAreMinusOne) {
  // 2 × 4, windows of 2 × 2, one valid row, three valid columns.
  EXPECT_EQ(autograd::window_labels(layout_of({2, 4}, {{2, 2}, {0, 0}, false, {1, 3}})),
            (std::vector<int32_t>{0, 0, -1, -1, 0, -1, -1, -1}));
}

TEST_F(Windows, RowsAreTheRolledMapWindowByWindow) {
  EXPECT_EQ(autograd::window_rows(layout_of({2, 4}, {{2, 2}})),
            (std::vector<int32_t>{0, 1, 4, 5, 2, 3, 6, 7}));
  EXPECT_EQ(autograd::window_rows(layout_of({2, 4}, {{2, 2}, {1, 1}})),
            (std::vector<int32_t>{5, 6, 1, 2, 7, 4, 3, 0}));
  // Already rolled: in the order of the map.
  EXPECT_EQ(autograd::window_rows(layout_of({2, 4}, {{2, 2}, {1, 1}, true})),
            (std::vector<int32_t>{0, 1, 4, 5, 2, 3, 6, 7}));
  for (const reference::Windows& g :
       {reference::Windows{{7, 7}, {3, 3}}, reference::Windows{{4, 7}, {2, 6}}}) {
    std::vector<int32_t> rows = autograd::window_rows(layout_of({28, 14}, g));
    std::sort(rows.begin(), rows.end());
    std::vector<int32_t> all(28 * 14);
    std::iota(all.begin(), all.end(), 0);
    EXPECT_EQ(rows, all);
  }
}

TEST_F(Windows, LogSpacedCoordinatesEqualThePublishedOnes) {
  using autograd::log_spaced_coordinates;
  const std::vector<double> eight = log_spaced_coordinates<double>({8, 8}, 0);
  ASSERT_EQ(eight.size(), 225u * 2);
  const double published[] = {-1.0566, -0.9913, -0.9157, -0.8260, -0.7156, -0.5721, -0.3665, 0};
  for (size_t j = 0; j < 8; ++j) {
    EXPECT_NEAR(eight[2 * j + 1], published[j], 5e-5);     // Δx grows along a row,
    EXPECT_NEAR(eight[2 * (15 * j)], published[j], 5e-5);  // Δy from row to row
    EXPECT_NEAR(eight[2 * (14 - j) + 1], -published[j], 5e-5);
  }
  const std::vector<double> sixteen = log_spaced_coordinates<double>({16, 16}, 12);
  EXPECT_NEAR(sixteen[2 * 30 + 1], 1.1913, 5e-5);
  const std::vector<double> oblong = log_spaced_coordinates<double>({1, 2}, 0);
  EXPECT_EQ(oblong, (std::vector<double>{0, oblong[1], 0, 0, 0, -oblong[1]}));
  EXPECT_NEAR(oblong[5], 1.0566, 5e-5);
}

// ⟨A x, y⟩ = ⟨x, Aᵀ y⟩ at the sizes of real models. With small integers both products are exact.
void check_adjoint(const std::string& name, const Shape& shape,
                   const std::function<Tensor(const Tensor&)>& call) {
  SCOPED_TRACE(name);
  const auto integers = [](const Shape& s, int64_t multiplier) {
    Tensor x(s);
    for (int64_t i = 0; i < s.numel(); ++i)
      x.mutable_data()[i] = static_cast<real>((i * multiplier + i / 97) % 5 - 2);
    return x;
  };
  const Tensor x = integers(shape, 3).as_leaf();
  autograd::Tape tape;
  Tensor ax;
  {
    const autograd::Tape::Recording recording(tape);
    ax = call(x);
  }
  const Tensor y = integers(ax.shape(), 7);
  tape.backward(ax, y);
  double left = 0, right = 0, size = 0;
  for (int64_t i = 0; i < ax.numel(); ++i)
    left += static_cast<double>(ax.data()[i]) * static_cast<double>(y.data()[i]);
  for (int64_t i = 0; i < x.numel(); ++i) {
    right += static_cast<double>(x.data()[i]) * static_cast<double>(x.gradient().data()[i]);
    size += std::abs(static_cast<double>(x.gradient().data()[i]));
  }
  EXPECT_EQ(left, right);
  EXPECT_GT(size, 0);
}

TEST_P(Movers, AreAdjointToTheirGradientsAtRealSizes) {
  using namespace autograd;
  const Shape map = {8, 56, 56, 96};
  check_adjoint("roll", map, [](const Tensor& x) { return roll(x, {-3, -3}); });
  check_adjoint("window_partition", map, [](const Tensor& x) {
    return window_partition(x, {7, 7});
  });
  check_adjoint("window_reverse", {512, 49, 96}, [](const Tensor& x) {
    return window_reverse(x, {7, 7}, {56, 56});
  });
  check_adjoint("patch_merging", map, [](const Tensor& x) { return patch_merging(x); });
  check_adjoint("patch_merging, odd", {3, 25, 31, 96},
                [](const Tensor& x) { return patch_merging(x); });
  check_adjoint("pad_or_crop, pad", {3, 50, 56, 96}, [](const Tensor& x) {
    return pad_or_crop(x, {56, 63});
  });
  check_adjoint("pad_or_crop, crop", {3, 56, 63, 96}, [](const Tensor& x) {
    return pad_or_crop(x, {50, 56});
  });
  check_adjoint("permute", {64, 49, 3, 32}, [](const Tensor& x) {
    return permute(x, {2, 0, 3, 1});
  });
  check_adjoint("reshape", map, [](const Tensor& x) { return reshape(x, {8, 3136, 96}); });
  check_adjoint("relative_position_bias", {169, 24}, [](const Tensor& x) {
    return relative_position_bias(x, {7, 7});
  });
}

TEST_P(Movers, AreInverseToEachOther) {
  using namespace autograd;
  const Tensor x = to_tensor(random_array({3, 14, 28, 5}, 1));
  EXPECT_EQ(window_reverse(window_partition(x, {7, 4}), {7, 4}, {14, 28}).values(), x.values());
  EXPECT_EQ(roll(roll(x, {-3, 5}), {3, -5}).values(), x.values());
  EXPECT_EQ(pad_or_crop(pad_or_crop(x, {16, 30}), {14, 28}).values(), x.values());
  EXPECT_EQ(permute(permute(x, {3, 1, 0, 2}), {2, 1, 3, 0}).values(), x.values());
}

}  // namespace
}  // namespace swin::oracle
