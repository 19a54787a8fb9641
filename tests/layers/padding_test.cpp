// Window attention on maps that the window does not divide, against the definitions of the pad
// modes.
#include <set>

#include "autograd/ops/ops.h"
#include "layers/window_attention.h"
#include "tests/layers/model_support.h"

namespace swin::layers {
namespace {

using Matrix = std::vector<double>;

Matrix plain_linear(const Matrix& x, int64_t in, const ParameterEntry* weight,
                    const ParameterEntry* bias) {
  const int64_t out = weight->shape[0], rows = static_cast<int64_t>(x.size()) / in;
  Matrix y;
  for (int64_t r = 0; r < rows; ++r)
    for (int64_t o = 0; o < out; ++o) {
      double sum = bias ? bias->tensor.data()[o] : 0;
      for (int64_t i = 0; i < in; ++i)
        sum += x[static_cast<size_t>(r * in + i)] *
               static_cast<double>(weight->tensor.data()[o * in + i]);
      y.push_back(sum);
    }
  return y;
}

// The region label that the published code gives to index i of a rolled axis: its slices are
// (0, −window), (−window, −shift) and (−shift, end), and later ones overwrite earlier ones.
int region(int64_t i, int64_t side, int64_t window, int64_t shift) {
  if (shift == 0) return 0;
  return i >= side - shift ? 2 : i >= side - window ? 1 : 0;
}

// Window attention on one map, token by token, from the definitions of the pad modes: which token
// is at each position of the padded map, and which keys it attends to.
Matrix plain_attention(const Matrix& x, Size2 map, int64_t dim, const Parameters& parameters,
                       const ModelConfig& config, int64_t heads, const WindowLayout& layout,
                       double factor) {
  const auto divide_up = [](int64_t a, int64_t b) { return (a + b - 1) / b; };
  Size2 grid, shift = layout.shift;
  for (size_t a : {0u, 1u}) {
    grid[a] = divide_up(map[a], layout.window[a]) * layout.window[a];
    if (grid[a] == layout.window[a]) shift[a] = 0;
  }
  const ParameterEntry* table = parameters.find("attn.relative_position_bias_table");
  const ParameterEntry* qkv_bias = parameters.find("attn.qkv.bias");
  const Matrix qkv = plain_linear(x, dim, parameters.find("attn.qkv.weight"), qkv_bias);
  // The projection of a padding token, which is zero.
  Matrix padding(static_cast<size_t>(3 * dim), 0);
  for (int64_t c = 0; qkv_bias && c < 3 * dim; ++c)
    padding[static_cast<size_t>(c)] = qkv_bias->tensor.data()[c];

  // The token at a position of the padded map; −1 is padding.
  const auto token_at = [&](int64_t i, int64_t j) -> int64_t {
    if (config.pad_mode == PadMode::roll_then_pad) {
      if (i >= map[0] || j >= map[1]) return -1;
      return (i + shift[0]) % map[0] * map[1] + (j + shift[1]) % map[1];
    }
    const int64_t row = (i + shift[0]) % grid[0], column = (j + shift[1]) % grid[1];
    return row < map[0] && column < map[1] ? row * map[1] + column : -1;
  };
  const int64_t head_dim = dim / heads, span = 2 * layout.window[1] - 1;
  Matrix y(x.size(), 0);
  for (int64_t i = 0; i < grid[0]; ++i)
    for (int64_t j = 0; j < grid[1]; ++j) {
      const int64_t query = token_at(i, j);
      if (query < 0) continue;
      const int64_t top = i / layout.window[0] * layout.window[0],
                    left = j / layout.window[1] * layout.window[1];
      for (int64_t h = 0; h < heads; ++h) {
        double total = 0;
        Matrix mixed(static_cast<size_t>(head_dim), 0);
        for (int64_t k = top; k < top + layout.window[0]; ++k)
          for (int64_t l = left; l < left + layout.window[1]; ++l) {
            if (region(k, grid[0], layout.window[0], shift[0]) !=
                region(i, grid[0], layout.window[0], shift[0]))
              continue;
            if (region(l, grid[1], layout.window[1], shift[1]) !=
                region(j, grid[1], layout.window[1], shift[1]))
              continue;
            const int64_t key = token_at(k, l);
            if (key < 0 && config.pad_mode == PadMode::masked) continue;
            const double* from = key < 0 ? padding.data() : qkv.data() + key * 3 * dim;
            const double* q = qkv.data() + query * 3 * dim + h * head_dim;
            double score = 0;
            for (int64_t c = 0; c < head_dim; ++c)
              score += factor * q[c] * from[dim + h * head_dim + c];
            const int64_t position =
                (i - k + layout.window[0] - 1) * span + (j - l + layout.window[1] - 1);
            const double weight =
                std::exp(score + static_cast<double>(table->tensor.data()[position * heads + h]));
            total += weight;
            for (int64_t c = 0; c < head_dim; ++c)
              mixed[static_cast<size_t>(c)] += weight * from[2 * dim + h * head_dim + c];
          }
        for (int64_t c = 0; c < head_dim; ++c)
          y[static_cast<size_t>(query * dim + h * head_dim + c)] =
              mixed[static_cast<size_t>(c)] / total;
      }
    }
  return plain_linear(y, dim, parameters.find("attn.proj.weight"),
                      parameters.find("attn.proj.bias"));
}

struct PadCase {
  PadMode mode;
  Size2 map, window;
  bool shifts, qkv_bias;
};

class Padding : public LayersTest, public testing::WithParamInterface<PadCase> {};

TEST_P(Padding, EqualsTheDefinitionTokenByToken) {
  const PadCase& c = GetParam();
  constexpr int64_t kDim = 8, kHeads = 2, kBatch = 2;
  ModelConfig config = micro_config();
  config.embed_dim = kDim;
  config.num_heads = {kHeads, kHeads};
  config.pad_mode = c.mode;
  config.window_size = c.window;
  config.qkv_bias = c.qkv_bias;
  config.qk_scale = 0.6;
  const int64_t block = c.shifts ? 1 : 0;
  Parameters parameters;
  const WindowAttention attention(Scope(parameters) / "attn", config, 0, block);
  parameters.allocate(false);
  randomize(parameters);

  const Tensor x = random_tensor({kBatch, c.map[0], c.map[1], kDim}, 11);
  const std::vector<real> y = attention(x, Pass{}).values();
  std::vector<real> expected;
  const WindowLayout layout = window_layout(config, 0, block, c.map);
  const int64_t numel = c.map[0] * c.map[1] * kDim;
  for (int64_t b = 0; b < kBatch; ++b) {
    const Matrix image(x.data() + b * numel, x.data() + (b + 1) * numel);
    for (double value :
         plain_attention(image, c.map, kDim, parameters, config, kHeads, layout, 0.6))
      expected.push_back(static_cast<real>(value));
  }
  EXPECT_LT(distance(y, expected), kExact);
}

std::vector<PadCase> pad_cases() {
  std::vector<PadCase> cases;
  for (PadMode mode : {PadMode::pad_then_roll, PadMode::roll_then_pad, PadMode::masked})
    for (bool shifts : {true, false}) {
      cases.push_back({mode, {5, 7}, {2, 3}, shifts, true});  // both sides padded
      cases.push_back(
          {mode, {4, 7}, {4, 3}, shifts, true});  // one window high: shifts along one side
      cases.push_back({mode, {7, 7}, {3, 3}, shifts, false});  // no qkv bias: padding is zeros
      cases.push_back({mode, {3, 2}, {4, 5}, shifts, true});   // a window larger than the map
      cases.push_back({mode, {8, 6}, {4, 3}, shifts, true});   // nothing to pad: the modes agree
    }
  return cases;
}
INSTANTIATE_TEST_SUITE_P(All, Padding, testing::ValuesIn(pad_cases()));

TEST_F(LayersTest, PadModesDifferOnlyIfMapsArePadded) {
  ModelConfig config = micro_config();
  const auto outcome = [&](PadMode mode) {
    config.pad_mode = mode;
    return logits_of(random_model(config), random_images(config, 2));
  };
  std::set<std::vector<real>> padded = {outcome(PadMode::pad_then_roll),
                                        outcome(PadMode::roll_then_pad), outcome(PadMode::masked)};
  EXPECT_EQ(padded.size(), 3u);
  config.image_size = {16, 24};
  std::set<std::vector<real>> fitting = {outcome(PadMode::pad_then_roll),
                                         outcome(PadMode::roll_then_pad), outcome(PadMode::masked),
                                         outcome(PadMode::reject)};
  EXPECT_EQ(fitting.size(), 1u);
}

TEST_F(LayersTest, MaskedAttentionIgnoresThePadding) {
  WindowLayout layout;
  layout.map = layout.padded = {6, 9};
  layout.window = {2, 3};
  autograd::AttentionOptions options;
  options.num_heads = 2;
  const Tensor table = random_tensor({15, 2}, 1);
  const auto seen = [&](double garbage) {
    Tensor qkv = random_tensor({1, 6, 9, 24}, 2);
    for (int64_t i = 0; i < 6; ++i)
      for (int64_t j = 0; j < 9; ++j)
        for (int64_t c = 0; c < 24 && (i >= 5 || j >= 8); ++c)
          qkv.mutable_data()[(i * 9 + j) * 24 + c] =
              static_cast<real>(garbage * static_cast<double>(c + 1));
    return autograd::pad_or_crop(autograd::window_attention(qkv, table, layout, options), {5, 8})
        .values();
  };
  for (int64_t shift : {0, 1}) {
    layout.shift = {shift, shift};
    // Column 7 is in one window with the padding in column 8, with and without shift.
    layout.valid = {5, 8};
    EXPECT_EQ(seen(0), seen(30));
    layout.valid = {0, 0};
    EXPECT_NE(seen(0), seen(30));
  }
}

}  // namespace
}  // namespace swin::layers
