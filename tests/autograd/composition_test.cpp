// Fused ops equal the compositions of plain ops beside them, as the papers draw them (PlainOps):
// forward and gradients, for each instruction set.
#include <set>
#include <string_view>

#include "autograd/tape/op.h"
#include "autograd/tape/tape.h"
#include "tests/support/engine_test.h"
#include "tests/support/op_case.h"

namespace swin::oracle {
namespace {

using namespace autograd;

// The ops that run while it lives, and their multiply-adds.
class Seen : public ForwardObserver {
 public:
  void op_done(const OpDone& done) override {
    ops.insert(done.op);
    total_macs += done.macs;
  }
  std::set<std::string> ops;
  int64_t total_macs = 0;
};

using Call = std::function<Tensor(const std::vector<Tensor>&)>;

// Runs `call` in both ways, with the set in use. The composition must not contain the op itself,
// and has its multiply-adds.
// @param unused the gradients of all inputs but the first one are zero
void expect_twins(const std::string& op, const Call& call, const std::vector<Array>& inputs,
                  const Shape& y_shape, bool unused = false) {
  const Array dy = random_array(y_shape, 99);
  OpCase c;
  c.call = call;
  const unsigned all = (1u << inputs.size()) - 1;
  Outcome fused, plain;
  int64_t macs = 0;
  {
    const Seen seen;
    fused = run(c, inputs, dy, all);
    EXPECT_TRUE(seen.ops.contains(op));
    macs = seen.total_macs;
  }
  {
    const Seen seen;
    const PlainOps plain_ops;
    plain = run(c, inputs, dy, all);
    EXPECT_FALSE(seen.ops.contains(op));
    EXPECT_EQ(seen.total_macs, macs);
  }
  const double tolerance = sizeof(real) == 4 ? 1e-5 : 1e-12;
  EXPECT_LE(distance(fused.y, plain.y), tolerance * largest(plain.y));
  EXPECT_GT(largest(plain.y), 0.1);
  for (size_t i = 0; i < inputs.size(); ++i) {
    EXPECT_LE(distance(fused.gradients[i], plain.gradients[i]),
              tolerance * largest(plain.gradients[i]))
        << "input " << i;
    EXPECT_EQ(largest(plain.gradients[i]) > 0.01, !unused || i == 0) << "input " << i;
  }
}

struct AttentionCase {
  std::string name;
  int64_t batch;
  Size2 map;
  reference::Windows windows;
  int64_t heads, dim;
  real drop_rate = 0;
};

AttentionOptions options_of(int64_t heads, real drop_rate) {
  return {heads, real{0.375}, drop_rate, {7, 9, 3, 11}};
}

class AttentionTwin : public testing::TestWithParam<AttentionCase> {
  EngineState state_;
};

TEST_P(AttentionTwin, EqualsTheCompositionForwardAndBackward) {
  const AttentionCase& t = GetParam();
  const WindowLayout layout = layout_of(t.map, t.windows);
  const int64_t channels = t.heads * t.dim,
                sides = (2 * layout.window[0] - 1) * (2 * layout.window[1] - 1);
  test::for_each_isa([&](base::Isa) {
    expect_twins("window_attention",
                 [&](const std::vector<Tensor>& x) {
                   return window_attention(x[0], x[1], layout, options_of(t.heads, t.drop_rate));
                 },
                 {random_array({t.batch, t.map[0], t.map[1], 3 * channels}, 1, -2, 2),
                  random_array({sides, t.heads}, 2)},
                 {t.batch, t.map[0], t.map[1], channels});
  });
}

// The softmax of a composition.
class SeenSoftmax : public ForwardObserver {
 public:
  void op_done(const OpDone& done) override {
    if (std::string_view(done.op) == "softmax") probabilities = done.y;
  }
  Tensor probabilities;
};

// What `swin explain` shows. Rows sum to one, masked pairs are exactly zero, and the product with v
// is the kernel's result.
TEST_P(AttentionTwin, TheProbabilitiesOfTheCompositionAreTheKernels) {
  const AttentionCase& t = GetParam();
  const WindowLayout layout = layout_of(t.map, t.windows);
  const int64_t channels = t.heads * t.dim, tokens = layout.tokens(), windows = layout.windows(),
                sides = (2 * layout.window[0] - 1) * (2 * layout.window[1] - 1);
  const Tensor qkv = to_tensor(random_array({t.batch, t.map[0], t.map[1], 3 * channels}, 1, -2, 2));
  const Tensor table = to_tensor(random_array({sides, t.heads}, 2));
  const auto call = [&] { return window_attention(qkv, table, layout, options_of(t.heads, 0)); };
  const Tensor fused = call();
  const SeenSoftmax seen;
  {
    const PlainOps plain;
    call();
  }
  const real* p = seen.probabilities.data();
  ASSERT_EQ(seen.probabilities.shape(), Shape({t.batch * windows, t.heads, tokens, tokens}));
  const std::vector<int32_t> rows = window_rows(layout), labels = window_labels(layout);
  const auto at = [](const auto& list, int64_t i) { return list[static_cast<size_t>(i)]; };
  const double tolerance = sizeof(real) == 4 ? 1e-5 : 1e-12;
  for (int64_t n = 0; n < t.batch * windows; ++n) {
    const int64_t w = n % windows * tokens, image = n / windows * t.map[0] * t.map[1];
    for (int64_t h = 0; h < t.heads; ++h)
      for (int64_t i = 0; i < tokens; ++i, p += tokens) {
        double sum = 0;
        for (int64_t j = 0; j < tokens; ++j) {
          sum += static_cast<double>(p[j]);
          const bool masked =
              !labels.empty() && (at(labels, w + i) != at(labels, w + j) || at(labels, w + j) < 0);
          EXPECT_TRUE(!masked || p[j] == 0) << "window " << n << ", query " << i << ", key " << j;
        }
        // A query of padding may have no key.
        EXPECT_NEAR(sum, !labels.empty() && at(labels, w + i) < 0 ? 0 : 1, tolerance);
        for (int64_t d = 0; d < t.dim; ++d) {
          const int64_t channel = h * t.dim + d;
          double y = 0;
          for (int64_t j = 0; j < tokens; ++j)
            y += static_cast<double>(p[j]) *
                 static_cast<double>(
                     qkv.data()[(image + at(rows, w + j)) * 3 * channels + 2 * channels + channel]);
          EXPECT_NEAR(
              static_cast<double>(fused.data()[(image + at(rows, w + i)) * channels + channel]), y,
              2 * tolerance);
        }
      }
  }
}

INSTANTIATE_TEST_SUITE_P(
    Composition, AttentionTwin,
    testing::Values(
        AttentionCase{"plain", 2, {14, 14}, {{7, 7}}, 3, 32},
        AttentionCase{"shifted", 2, {14, 14}, {{7, 7}, {3, 3}}, 3, 32},
        AttentionCase{"dropout", 2, {8, 8}, {{4, 4}}, 2, 8, real{0.25}},
        AttentionCase{"dropout_shifted", 3, {8, 12}, {{4, 6}, {2, 3}}, 2, 8, real{0.5}},
        AttentionCase{"oblong_shifted", 3, {8, 12}, {{4, 6}, {2, 3}}, 2, 20},
        AttentionCase{"one_axis_shifted", 1, {8, 8}, {{4, 8}, {2, 0}}, 2, 16},
        AttentionCase{"rolled_then_padded", 2, {8, 8}, {{4, 4}, {2, 2}, true}, 2, 8},
        AttentionCase{"masked", 2, {8, 8}, {{4, 4}, {0, 0}, false, {7, 5}}, 2, 8},
        AttentionCase{"masked_shifted", 2, {8, 8}, {{4, 4}, {2, 2}, false, {7, 7}}, 2, 8},
        AttentionCase{"masked_rolled", 2, {8, 8}, {{4, 4}, {2, 2}, true, {6, 7}}, 2, 8},
        AttentionCase{"only_padding_in_a_window", 1, {8, 8}, {{4, 4}, {0, 0}, false, {4, 6}}, 2, 8},
        AttentionCase{"large_window", 1, {12, 24}, {{12, 12}, {6, 6}}, 1, 32}),
    [](const auto& test) { return test.param.name; });

class Composition : public EngineIsaTest {};
INSTANTIATE_TEST_SUITE_P(Isa, Composition, testing::ValuesIn(test::tested_isas()),
                         test::isa_of_test);

TEST_P(Composition, GlobalAttention) {
  for (const real drop_rate : {real{0}, real{0.25}})
    expect_twins(
        "attention",
        [=](const std::vector<Tensor>& x) { return attention(x[0], options_of(2, drop_rate)); },
        {random_array({3, 17, 3 * 2 * 20}, 1, -2, 2)}, {3, 17, 40});
}

TEST_P(Composition, CosineQkv) {
  // Scales below and above ln 100 = 4.605.
  expect_twins("cosine_qkv", [](const std::vector<Tensor>& x) { return cosine_qkv(x[0], x[1], 5); },
               {random_array({2, 3, 4, 3 * 5 * 12}, 1), random_array({5, 1, 1}, 2, 3.5, 5.2)},
               {2, 3, 4, 180});
}

TEST_P(Composition, PatchMergingToTheBit) {
  for (const Shape& shape : {Shape{2, 6, 4, 5}, Shape{2, 5, 7, 3}, Shape{1, 1, 2, 4}}) {
    OpCase c;
    c.call = [](const std::vector<Tensor>& t) { return patch_merging(t[0]); };
    const Array x = random_array(shape, 1);
    const Array dy =
        random_array({shape[0], (shape[1] + 1) / 2, (shape[2] + 1) / 2, 4 * shape[3]}, 2);
    const Outcome fused = run(c, {x}, dy, 1);
    const PlainOps plain_ops;
    const Seen seen;
    const Outcome plain = run(c, {x}, dy, 1);
    EXPECT_FALSE(seen.ops.contains("patch_merging"));
    EXPECT_EQ(fused.y.values, plain.y.values);
    EXPECT_EQ(fused.gradients[0].values, plain.gradients[0].values);
  }
}

TEST_P(Composition, PatchEmbed) {
  expect_twins(
      "patch_embed", [](const std::vector<Tensor>& t) { return patch_embed(t[0], t[1], t[2]); },
      {random_array({2, 8, 12, 3}, 1), random_array({10, 3, 4, 4}, 2), random_array({10}, 3)},
      {2, 2, 3, 10});
}

TEST_P(Composition, ResizedCrossEntropy) {
  std::vector<int32_t> labels;
  for (int32_t i = 0; i < 2 * 9 * 14; ++i) labels.push_back(i * 7 % 6 - 1);
  expect_twins("resized_cross_entropy",
               [&](const std::vector<Tensor>& t) {
                 return resized_cross_entropy(t[0], {9, 14}, autograd::Array<int32_t>::from(labels),
                                              Tensor(), real{0.0625});
               },
               {random_array({2, 3, 4, 5}, 1, -3, 3)}, {});
}

// All samples, some with the factor of drop path, and none.
std::vector<KeptSamples> kept_of_three() {
  const auto kept = [](const std::vector<int32_t>& index, real factor) {
    KeptSamples samples;
    samples.index = index, samples.batch = 3, samples.factor = factor;
    return samples;
  };
  return {kept({0, 1, 2}, 1), kept({0, 1, 2}, 2), kept({0, 2}, real{1.25}), kept({}, 2)};
}

TEST_P(Composition, MlpResidual) {
  for (const NormPlace place : {NormPlace::before, NormPlace::after})
    for (const KeptSamples& kept : kept_of_three())
      expect_twins(
          "mlp_residual",
          [&](const std::vector<Tensor>& t) {
            return mlp_residual(t[0], {t[1], t[2]}, {t[3], t[4]}, {t[5], t[6]}, place, kept);
          },
          {random_array({3, 4, 5, 12}, 1), random_array({12}, 2, 0.5, 1.5), random_array({12}, 3),
           random_array({50, 12}, 4), random_array({50}, 5), random_array({12, 50}, 6),
           random_array({12}, 7)},
          {3, 4, 5, 12}, kept.index.empty());
}

TEST_P(Composition, AttentionResidual) {
  const reference::Windows windows = {{4, 2}, {2, 1}};
  for (const KeptSamples& kept : kept_of_three())
    expect_twins(
        "attention_residual",
        [&](const std::vector<Tensor>& t) {
          return attention_residual(t[0], {t[1], t[2]}, {t[3], t[4]}, t[5], {t[6], t[7]},
                                    layout_of({8, 4}, windows), options_of(2, real{0.25}), kept);
        },
        {random_array({3, 8, 4, 16}, 1), random_array({16}, 2, 0.5, 1.5), random_array({16}, 3),
         random_array({48, 16}, 4), random_array({48}, 5), random_array({21, 2}, 6),
         random_array({16, 16}, 7), random_array({16}, 8)},
        {3, 8, 4, 16}, kept.index.empty());
}

// And may be opened again inside itself.
TEST(PlainOpsScope, EndsWithItsBlock) {
  EXPECT_FALSE(PlainOps::active());
  {
    const PlainOps outer;
    {
      const PlainOps inner;
      EXPECT_TRUE(PlainOps::active());
    }
    EXPECT_TRUE(PlainOps::active());
  }
  EXPECT_FALSE(PlainOps::active());
}

}  // namespace
}  // namespace swin::oracle
