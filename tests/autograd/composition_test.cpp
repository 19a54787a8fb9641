// Fused ops equal their composition of plain ops, as the papers describe it: forward and gradients.
#include "autograd/tape/tape.h"
#include "tests/support/engine_test.h"
#include "tests/support/op_case.h"

namespace swin::oracle {
namespace {

using autograd::Size2;

struct AttentionCase {
  std::string name;
  int64_t batch;
  Size2 map;
  reference::Windows geometry;
  int64_t heads, dim;
};

// Window attention as in the paper: (B, H, W, 3C) → (B, H, W, C).
Tensor composition(const Tensor& qkv, const Tensor& table, const reference::Windows& g,
                   int64_t heads, real factor) {
  using namespace autograd;
  const Size2 map = {qkv.dim(1), qkv.dim(2)};
  const int64_t area = g.window[0] * g.window[1], windows = map[0] * map[1] / area,
                images = qkv.dim(0);
  const int64_t channels = qkv.dim(3) / 3, dim = channels / heads;
  const bool rolls = !g.rolled && (g.shift[0] > 0 || g.shift[1] > 0);
  Tensor x = rolls ? roll(qkv, {-g.shift[0], -g.shift[1]}) : qkv;
  x = window_partition(x, g.window);
  x = permute(reshape(x, {images * windows, area, 3, heads, dim}), {2, 0, 3, 1, 4});
  // q, k and v are consecutive along axis 1: each is rolled to the start and cropped.
  const Tensor flat = reshape(x, {1, 3, images * windows * heads * area * dim, 1});
  const auto part = [&](int64_t i) {
    const Tensor first = pad_or_crop(roll(flat, {-i, 0}), {1, flat.dim(2)});
    return reshape(first, {images * windows, heads, area, dim});
  };
  Tensor scores = matmul(scale(part(0), factor), part(1), true);
  scores = add(scores, relative_position_bias(table, g.window));
  const Tensor mask = reshape(attention_mask(layout_of(map, g)), {windows, 1, area, area});
  scores = reshape(scores, {images, windows, heads, area * area});
  scores = add(scores, reshape(mask, {windows, 1, area * area}));
  scores = reshape(scores, {images * windows, heads, area, area});
  Tensor y = matmul(softmax(scores), part(2));
  y = reshape(permute(y, {0, 2, 1, 3}), {images * windows, area, channels});
  y = window_reverse(y, g.window, map);
  return rolls ? roll(y, g.shift) : y;
}

class AttentionTwin : public testing::TestWithParam<AttentionCase> {
  EngineState state_;
};

TEST_P(AttentionTwin, EqualsTheCompositionForwardAndBackward) {
  const AttentionCase& t = GetParam();
  const reference::Windows& g = t.geometry;
  const bool masked = g.valid[0] > 0;
  const Array qkv = random_array({t.batch, t.map[0], t.map[1], 3 * t.heads * t.dim}, 1, -2, 2);
  const Array table = random_array({(2 * g.window[0] - 1) * (2 * g.window[1] - 1), t.heads}, 2);
  Array dy = random_array({t.batch, t.map[0], t.map[1], t.heads * t.dim}, 3);
  // With the dense mask of −100, queries in the padding attend to each other. Models crop their
  // outputs, so they are not compared.
  const auto crop = [&](Array& x) {
    if (!masked) return;
    const int64_t channels = x.shape[3];
    for (int64_t i = 0; i < x.numel(); ++i) {
      const int64_t token = i / channels;
      if (token % t.map[1] >= g.valid[1] || token / t.map[1] % t.map[0] >= g.valid[0]) x[i] = 0;
    }
  };
  crop(dy);
  const auto outcome_of = [&](bool fused) {
    OpCase c;
    c.inputs = {Input({1}), Input({1})};
    c.call = [&, fused](const std::vector<Tensor>& x) {
      autograd::AttentionOptions options;
      options.num_heads = t.heads;
      options.scale = real{0.375};
      return fused ? autograd::window_attention(x[0], x[1], layout_of(t.map, g), options)
                   : composition(x[0], x[1], g, t.heads, real{0.375});
    };
    Outcome outcome = run(c, {qkv, table}, dy, 3);
    crop(outcome.y);
    return outcome;
  };
  const Outcome fused = outcome_of(true), plain = outcome_of(false);
  const double tolerance = sizeof(real) == 4 ? 1e-5 : 1e-12;
  EXPECT_LE(distance(fused.y, plain.y), tolerance * largest(plain.y));
  ASSERT_EQ(plain.gradients.size(), 2u);
  for (size_t i = 0; i < 2; ++i)
    EXPECT_LE(distance(fused.gradients[i], plain.gradients[i]),
              tolerance * largest(plain.gradients[i]))
        << "input " << i;
  EXPECT_GT(largest(plain.y), 0.1);
  EXPECT_GT(largest(plain.gradients[1]), 0.01);
}

INSTANTIATE_TEST_SUITE_P(
    Composition, AttentionTwin,
    testing::Values(
        AttentionCase{"plain", 2, {14, 14}, {{7, 7}, {0, 0}, false, {0, 0}}, 3, 32},
        AttentionCase{"shifted", 2, {14, 14}, {{7, 7}, {3, 3}, false, {0, 0}}, 3, 32},
        AttentionCase{"oblong_shifted", 3, {8, 12}, {{4, 6}, {2, 3}, false, {0, 0}}, 2, 20},
        AttentionCase{"one_axis_shifted", 1, {8, 8}, {{4, 8}, {2, 0}, false, {0, 0}}, 2, 16},
        AttentionCase{"padded_then_rolled", 2, {8, 8}, {{4, 4}, {2, 2}, false, {0, 0}}, 2, 8},
        AttentionCase{"rolled_then_padded", 2, {8, 8}, {{4, 4}, {2, 2}, true, {0, 0}}, 2, 8},
        AttentionCase{"masked", 2, {8, 8}, {{4, 4}, {0, 0}, false, {7, 5}}, 2, 8},
        AttentionCase{"masked_shifted", 2, {8, 8}, {{4, 4}, {2, 2}, false, {7, 7}}, 2, 8},
        AttentionCase{"masked_rolled", 2, {8, 8}, {{4, 4}, {2, 2}, true, {6, 7}}, 2, 8},
        AttentionCase{"large_window", 1, {12, 24}, {{12, 12}, {6, 6}, false, {0, 0}}, 1, 32}),
    [](const auto& test) { return test.param.name; });

class Composition : public EngineTest {};

TEST_F(Composition, PatchEmbedEqualsLinearOfPatches) {
  using namespace autograd;
  const Array x = random_array({2, 8, 12, 3}, 1), weight = random_array({10, 3, 4, 4}, 2),
              bias = random_array({10}, 3);
  OpCase fused, plain;
  fused.call = [](const std::vector<Tensor>& t) { return patch_embed(t[0], t[1], t[2]); };
  plain.call = [](const std::vector<Tensor>& t) {
    // (B, H/4, 4, W/4, 4, 3) → (B, H/4, W/4, 3 · 4 · 4): channel, row, column.
    Tensor cut = permute(reshape(t[0], {2, 2, 4, 3, 4, 3}), {0, 1, 3, 5, 2, 4});
    return linear(reshape(cut, {2, 2, 3, 48}), reshape(t[1], {10, 48}), t[2]);
  };
  const Array dy = random_array({2, 2, 3, 10}, 4);
  const Outcome a = run(fused, {x, weight, bias}, dy, 7), b = run(plain, {x, weight, bias}, dy, 7);
  const double tolerance = sizeof(real) == 4 ? 1e-5 : 1e-12;
  EXPECT_LE(distance(a.y, b.y), tolerance * largest(b.y));
  for (size_t i = 0; i < 3; ++i)
    EXPECT_LE(distance(a.gradients[i], b.gradients[i]), tolerance * largest(b.gradients[i]));
}

TEST_F(Composition, PatchMergingOfEvenMapsEqualsReshapeAndPermute) {
  using namespace autograd;
  const Array x = random_array({2, 6, 4, 5}, 1), dy = random_array({2, 3, 2, 20}, 2);
  OpCase fused, plain;
  fused.call = [](const std::vector<Tensor>& t) { return patch_merging(t[0]); };
  plain.call = [](const std::vector<Tensor>& t) {
    // (B, i, row, j, column, C) → (B, i, j, column, row, C): the row offset varies fastest.
    return reshape(permute(reshape(t[0], {2, 3, 2, 2, 2, 5}), {0, 1, 3, 4, 2, 5}), {2, 3, 2, 20});
  };
  const Outcome a = run(fused, {x}, dy, 1), b = run(plain, {x}, dy, 1);
  EXPECT_EQ(a.y.values, b.y.values);
  EXPECT_EQ(a.gradients[0].values, b.gradients[0].values);
}

}  // namespace
}  // namespace swin::oracle
