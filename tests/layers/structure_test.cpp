// The published models: sizes, multiply-adds, names, initial values, weight decay, windows.
#include <algorithm>
#include <fstream>
#include <map>
#include <set>
#include <sstream>

#include "base/errors.h"
#include "base/pool.h"
#include "layers/window_attention.h"
#include "tests/layers/model_support.h"
#include "tests/support/places.h"
#include "tests/support/published_models.h"

namespace swin::layers {
namespace {

// flops() of the published Swin, term by term. It counts the last norm at the resolution of the
// first stage divided by 2^stages.
int64_t official_flops(const ModelConfig& c) {
  const int64_t first = c.image_size[0] / c.patch_size;
  int64_t side = first, dim = c.embed_dim;
  int64_t flops = side * side * dim * c.in_chans * c.patch_size * c.patch_size + side * side * dim;
  for (size_t stage = 0; stage < c.depths.size(); ++stage) {
    const int64_t tokens = side * side, window = std::min(c.window_size[0], side);
    const int64_t area = window * window, windows = tokens / area;
    const int64_t attention = area * dim * 3 * dim + 2 * area * area * dim + area * dim * dim;
    const int64_t mlp =
        2 * tokens * dim * static_cast<int64_t>(static_cast<double>(dim) * c.mlp_ratio);
    flops += c.depths[stage] * (2 * tokens * dim + windows * attention + mlp);
    if (stage + 1 == c.depths.size()) return flops + dim * first * first / 16 + dim * c.num_classes;
    flops += tokens * dim + tokens / 4 * 4 * dim * 2 * dim;
    side /= 2, dim *= 2;
  }
  return flops;
}

class Arithmetic : public autograd::ForwardObserver {
 public:
  void op_done(const autograd::OpDone& done) override { total += done.macs; }
  int64_t total = 0;
};

TEST(Published, ParametersAndArithmeticOfADryRun) {
  const int64_t blocks_before = base::pool_statistics().blocks_made;
  for (const test::PublishedModel& p : test::published_models()) {
    SCOPED_TRACE(p.label);
    const base::DryRun dry;
    const ModelConfig config = p.config();
    const Model model(config, 0, true);
    EXPECT_EQ(model.parameters().count(), p.parameters);
    Arithmetic arithmetic;
    const Tensor logits = model.forward(Tensor({1, p.image, p.image, 3}), Pass{});
    EXPECT_EQ(logits.shape(), (Shape{1, 1000}));
    if (p.name == "swin") {
      EXPECT_EQ(arithmetic.total, official_flops(config));
    }
    EXPECT_NEAR(static_cast<double>(arithmetic.total) * 1e-9, p.giga_macs, 5e-4);
  }
  EXPECT_EQ(base::pool_statistics().blocks_made, blocks_before) << "a dry run took memory";
}

TEST(Published, NamesAndShapesOfTiny) {
  const base::DryRun dry;
  const Model model(test::published_models()[0].config(), 0, false);
  std::ifstream file(swin::test::source_dir() + "/tests/goldens/swin_tiny_parameters.txt");
  std::map<std::string, std::string> expected, found;
  for (std::string line; std::getline(file, line);) expected[line.substr(0, line.find(' '))] = line;
  ASSERT_EQ(expected.size(), 173u);
  for (size_t i = 0; i < model.parameters().size(); ++i) {
    const ParameterEntry& entry = model.parameters()[i];
    std::ostringstream text;
    text << entry.name;
    for (int axis = 0; axis < entry.shape.rank(); ++axis) text << ' ' << entry.shape[axis];
    found[entry.name] = text.str();
  }
  EXPECT_EQ(found, expected);
}

TEST(Published, StagesOfTiny) {
  const ModelConfig config = test::published_models()[0].config();
  const int64_t maps[] = {56, 28, 14, 7}, shifts[] = {3, 3, 3, 0};
  ASSERT_EQ(config.num_stages(), 4);
  for (int64_t i = 0; i < 4; ++i) {
    for (int64_t block = 0; block < config.depths[static_cast<size_t>(i)]; ++block) {
      const WindowLayout windows = window_layout(config, i, block);
      EXPECT_EQ(windows.map, (Size2{maps[i], maps[i]}));
      EXPECT_EQ(windows.padded, windows.map);
      EXPECT_EQ(windows.window, (Size2{7, 7}));
      const int64_t shift = block % 2 == 0 ? 0 : shifts[i];
      EXPECT_EQ(windows.shift, (Size2{shift, shift}));
    }
    EXPECT_EQ(config.dim_of(i), 96 << i);
    EXPECT_EQ(config.num_heads[static_cast<size_t>(i)], 3 << i);
  }
}

TEST(Published, WeightDecayIsDecidedByName) {
  ModelConfig config = micro_config();
  config.ape = true;
  const Model model(config, 0, false);
  std::set<std::string> decayed;
  for (size_t i = 0; i < model.parameters().size(); ++i) {
    const ParameterEntry& entry = model.parameters()[i];
    const bool exempt = entry.shape.rank() == 1 || entry.name.ends_with(".bias") ||
                        entry.name == "absolute_pos_embed" ||
                        entry.name.find("relative_position_bias_table") != std::string::npos;
    EXPECT_EQ(entry.decay == WeightDecay::no, exempt) << entry.name;
    if (entry.decay == WeightDecay::yes) decayed.insert(entry.name);
  }
  EXPECT_EQ(decayed.size(),
            1u + 4 * 4 + 1 + 1);  // patch_embed; qkv, proj, fc1, fc2 per block; reduction; head
  EXPECT_TRUE(decayed.contains("patch_embed.proj.weight") &&
              decayed.contains("layers.0.downsample.reduction.weight"));
}

// ---- initial values -----------------------------------------------------------------------------

struct Statistics {
  double mean = 0, deviation = 0, largest = 0, beyond_two = 0, count = 0;
};
Statistics statistics_of(const Model& model, const std::string& name) {
  const ParameterEntry* entry = model.parameters().find(name);
  EXPECT_NE(entry, nullptr) << name;
  Statistics s;
  s.count = static_cast<double>(entry->numel());
  const real* data = entry->tensor.data();
  for (int64_t i = 0; i < entry->numel(); ++i) s.mean += data[i] / s.count;
  for (int64_t i = 0; i < entry->numel(); ++i) {
    s.deviation += (data[i] - s.mean) * (data[i] - s.mean) / s.count;
    s.largest = std::max(s.largest, std::abs(static_cast<double>(data[i])));
  }
  s.deviation = std::sqrt(s.deviation);
  for (int64_t i = 0; i < entry->numel(); ++i)
    s.beyond_two += std::abs(data[i]) > 2 * s.deviation ? 1 / s.count : 0;
  return s;
}

// With tolerances of five standard errors: a wrong deviation fails, an unlucky seed does not.
void expect_normal(const Model& model, const std::string& name, double deviation) {
  SCOPED_TRACE(name);
  const Statistics s = statistics_of(model, name);
  EXPECT_NEAR(s.mean, 0, 5 * deviation / std::sqrt(s.count));
  EXPECT_NEAR(s.deviation, deviation, 5 * deviation / std::sqrt(2 * s.count));
  // Not cut at two deviations.
  EXPECT_NEAR(s.beyond_two, 0.0455, 5 * std::sqrt(0.0455 / s.count));
}

ModelConfig wide_config() {
  ModelConfig config;
  config.image_size = {56, 56};
  config.embed_dim = 64;
  config.depths = {2, 1};
  config.num_heads = {2, 4};
  config.num_classes = 50;
  config.ape = true;
  return config;
}

TEST(Initialization, IsThePublishedOne) {
  const Model model(wide_config(), 7, false);
  for (const char* name :
       {"layers.0.blocks.1.attn.qkv.weight", "layers.0.blocks.0.attn.proj.weight",
        "layers.1.blocks.0.mlp.fc1.weight", "layers.0.blocks.0.mlp.fc2.weight",
        "layers.0.downsample.reduction.weight", "head.weight", "absolute_pos_embed",
        "layers.0.blocks.1.attn.relative_position_bias_table"})
    expect_normal(model, name, 0.02);
  const double bound =
      1 / std::sqrt(48.0);  // PyTorch's default for convolutions, weights and biases
  const Statistics conv = statistics_of(model, "patch_embed.proj.weight");
  EXPECT_LE(conv.largest, bound);
  EXPECT_GT(conv.largest, 0.99 * bound);
  EXPECT_NEAR(conv.deviation, bound / std::sqrt(3.0), 0.03 * bound);
  EXPECT_NEAR(conv.mean, 0, 0.06 * bound);
  const Statistics conv_bias = statistics_of(model, "patch_embed.proj.bias");
  EXPECT_LE(conv_bias.largest, bound);
  EXPECT_GT(conv_bias.deviation, 0.4 * bound);
  for (size_t i = 0; i < model.parameters().size(); ++i) {
    const ParameterEntry& entry = model.parameters()[i];
    if (entry.shape.rank() > 1 || entry.name == "patch_embed.proj.bias") continue;
    const real expected =
        entry.name.ends_with(".weight") ? 1 : 0;  // one-dimensional weights belong to norms
    for (int64_t j = 0; j < entry.numel(); ++j)
      ASSERT_EQ(entry.tensor.data()[j], expected) << entry.name;
  }
}

TEST(Initialization, FanIn) {
  ModelConfig config = wide_config();
  config.init_std.reset();
  const Model model(config, 7, false);
  expect_normal(model, "layers.0.blocks.1.attn.qkv.weight", 1 / 8.0);
  expect_normal(model, "layers.0.blocks.0.mlp.fc2.weight", 1 / 16.0);
  expect_normal(model, "layers.0.downsample.reduction.weight", 1 / 16.0);
  expect_normal(model, "head.weight", 1 / std::sqrt(128.0));
  expect_normal(model, "layers.0.blocks.1.attn.relative_position_bias_table", 0.02);
}

TEST(Initialization, ValuesDependOnSeedAndNameAlone) {
  ModelConfig deeper = wide_config();
  deeper.depths = {4, 1};
  deeper.patch_norm = false;
  const Model a(wide_config(), 7, false), b(deeper, 7, true), c(wide_config(), 8, false);
  int64_t shared = 0;
  for (size_t i = 0; i < a.parameters().size(); ++i) {
    const ParameterEntry& entry = a.parameters()[i];
    if (const ParameterEntry* other = b.parameters().find(entry.name)) {
      ++shared;
      EXPECT_EQ(entry.tensor.values(), other->tensor.values()) << entry.name;
    }
    if (entry.shape.rank() > 1) {
      EXPECT_NE(entry.tensor.values(), c.parameters()[i].tensor.values()) << entry.name;
    }
  }
  EXPECT_EQ(shared, static_cast<int64_t>(a.parameters().size()) - 2);  // all but patch_embed.norm
  EXPECT_NE(a.parameters().find("layers.0.blocks.0.mlp.fc1.weight")->tensor.values(),
            a.parameters().find("layers.0.blocks.1.mlp.fc1.weight")->tensor.values());
}

// ---- windows ------------------------------------------------------------------------------------

struct LayoutCase {
  WindowShrink shrink;
  Size2 map, window;  // as configured
  Size2 used, shift;  // of the odd blocks
};

// A config whose first stage has this map.
ModelConfig config_of(Size2 map) {
  ModelConfig config = micro_config();
  config.image_size = {map[0] * config.patch_size, map[1] * config.patch_size};
  return config;
}

TEST(WindowLayouts, OfMapsThatTheWindowDoesNotFit) {
  using enum WindowShrink;
  const std::vector<LayoutCase> cases = {
      {official, {14, 14}, {7, 7}, {7, 7}, {3, 3}},
      {official, {7, 7}, {7, 7}, {7, 7}, {0, 0}},
      {official, {4, 4}, {7, 7}, {4, 4}, {0, 0}},
      {official, {5, 13}, {7, 7}, {5, 5}, {0, 0}},
      {official, {13, 5}, {7, 7}, {5, 5}, {0, 0}},
      {official, {15, 13}, {7, 7}, {7, 7}, {3, 3}},
      {official, {9, 13}, {4, 6}, {4, 6}, {2, 3}},
      {per_dimension, {14, 14}, {7, 7}, {7, 7}, {3, 3}},
      {per_dimension, {7, 8}, {7, 7}, {7, 7}, {0, 3}},
      {per_dimension, {13, 5}, {7, 7}, {7, 5}, {3, 0}},
      {per_dimension, {3, 5}, {7, 7}, {3, 5}, {0, 0}},
      {per_dimension, {9, 13}, {4, 6}, {4, 6}, {2, 3}},
      {never, {14, 14}, {7, 7}, {7, 7}, {3, 3}},
      {never, {9, 13}, {4, 6}, {4, 6}, {2, 3}},
      {never, {8, 15}, {7, 7}, {7, 7}, {3, 3}},
      {never, {7, 8}, {7, 7}, {7, 7}, {0, 3}},
      {never, {4, 4}, {7, 7}, {7, 7}, {0, 0}},
      {always_shift, {14, 14}, {7, 7}, {7, 7}, {3, 3}},
      {always_shift, {7, 4}, {7, 7}, {7, 7}, {3, 3}},
  };
  for (const LayoutCase& c : cases) {
    SCOPED_TRACE(testing::Message() << static_cast<int>(c.shrink) << ' ' << c.map[0] << 'x'
                                    << c.map[1] << " window " << c.window[0] << 'x' << c.window[1]);
    ModelConfig config = config_of(c.map);
    config.window_shrink = c.shrink;
    config.window_size = c.window;
    for (int64_t block : {0, 1, 2, 3}) {
      const WindowLayout windows = window_layout(config, 0, block);
      EXPECT_EQ(windows.map, c.map);
      EXPECT_EQ(windows.window, c.used);
      EXPECT_EQ(windows.shift, block % 2 == 0 ? (Size2{0, 0}) : c.shift);
      for (size_t i : {0u, 1u}) {
        EXPECT_EQ(windows.padded[i] % c.used[i], 0);
        EXPECT_GE(windows.padded[i], c.map[i]);
        EXPECT_LT(windows.padded[i], c.map[i] + c.used[i]);
      }
    }
  }
}

// The image at hand may have another size than the config's.
TEST(WindowLayouts, OfOtherMapsKeepTheWindow) {
  ModelConfig config = config_of({8, 8});
  config.window_size = {7, 7};
  config.window_shrink = WindowShrink::official;
  const WindowLayout smaller = window_layout(config, 0, 1, {7, 20});
  EXPECT_EQ(smaller.window, (Size2{7, 7}));
  EXPECT_EQ(smaller.padded, (Size2{7, 21}));
  EXPECT_EQ(smaller.shift, (Size2{0, 3}));
  // A window that shrank to the config's map never shifts; without shrinking, larger maps shift.
  config.image_size = {20, 20};  // 5 × 5
  EXPECT_EQ(window_layout(config, 0, 1, {10, 10}).shift, (Size2{0, 0}));
  config.window_shrink = WindowShrink::per_dimension;
  EXPECT_EQ(window_layout(config, 0, 1, {10, 10}).window, (Size2{5, 5}));
  EXPECT_EQ(window_layout(config, 0, 1, {10, 10}).shift, (Size2{0, 0}));
  config.window_shrink = WindowShrink::never;
  EXPECT_EQ(window_layout(config, 0, 1, {10, 10}).shift, (Size2{3, 3}));
}

TEST(WindowLayouts, SayWhatThePadModesDo) {
  ModelConfig config = config_of({5, 7});
  const auto layout = [&](PadMode mode, int64_t block) {
    config.pad_mode = mode;
    return window_layout(config, 0, block);
  };
  const Size2 none = {0, 0};
  EXPECT_FALSE(layout(PadMode::pad_then_roll, 1).rolled);
  EXPECT_EQ(layout(PadMode::pad_then_roll, 1).valid, none);
  EXPECT_TRUE(layout(PadMode::roll_then_pad, 1).rolled);
  EXPECT_FALSE(layout(PadMode::roll_then_pad, 0).rolled);  // nothing to roll
  EXPECT_EQ(layout(PadMode::roll_then_pad, 1).valid, none);
  EXPECT_EQ(layout(PadMode::masked, 0).valid, (Size2{5, 7}));
  EXPECT_FALSE(layout(PadMode::masked, 1).rolled);
  config.image_size = {16, 24};  // 4 × 6: nothing to pad
  EXPECT_FALSE(layout(PadMode::roll_then_pad, 1).rolled);
  EXPECT_EQ(layout(PadMode::masked, 1).valid, none);
}

TEST(WindowLayouts, AVitHasOneWindow) {
  ModelConfig config = config_of({5, 7});
  config.name = "vit";
  const WindowLayout windows = window_layout(config, 0, 1);
  EXPECT_EQ(windows.window, (Size2{5, 7}));
  EXPECT_EQ(windows.padded, (Size2{5, 7}));
  EXPECT_EQ(windows.shift, (Size2{0, 0}));
  EXPECT_EQ(windows.windows(), 1);
}

TEST(WindowLayouts, NeverKeepsTheTableAndDropsTheShiftWhereOneWindowCoversASide) {
  ModelConfig config = micro_config();
  config.image_size = {16, 40};  // 4 × 10 tokens, then 2 × 5
  config.window_size = {5, 5};
  const Model model(config, 0, false);
  EXPECT_EQ(model.parameters().find("layers.1.blocks.0.attn.relative_position_bias_table")->shape,
            (Shape{81, 4}));
  EXPECT_EQ(window_layout(config, 0, 1).padded, (Size2{5, 10}));
  EXPECT_EQ(window_layout(config, 0, 1).shift, (Size2{0, 2}));
  EXPECT_EQ(window_layout(config, 1, 1).shift, (Size2{0, 0}));
}

TEST(WindowLayouts, AssertNamesTheMapAndTheWindow) {
  ModelConfig config = micro_config();
  config.pad_mode = PadMode::reject;
  try {
    const Model model(config, 0, false);
    FAIL() << "a 5 × 7 map under 2 × 3 windows was accepted";
  } catch (const base::UsageError& error) {
    EXPECT_EQ(error.code(), base::ExitCode::usage);
    EXPECT_NE(std::string(error.what()).find("5 × 7"), std::string::npos) << error.what();
    EXPECT_NE(std::string(error.what()).find("2 × 3"), std::string::npos) << error.what();
  }
  config.image_size = {16, 24};  // 4 × 6, 2 × 3
  EXPECT_NO_THROW(Model(config, 0, false));
}

TEST(Config, ImpossibleModelsAreRefusedByField) {
  const auto refused = [](auto change) {
    ModelConfig config = micro_config();
    change(config);
    try {
      const Model model(config, 0, false);
    } catch (const base::UsageError& error) {
      return std::string(error.what());
    }
    return std::string("accepted");
  };
  EXPECT_TRUE(refused([](ModelConfig& c) { c.num_heads = {2}; }).starts_with("model.num_heads"));
  EXPECT_TRUE(refused([](ModelConfig& c) { c.num_heads = {3, 4}; }).starts_with("model.num_heads"));
  EXPECT_TRUE(refused([](ModelConfig& c) { c.num_classes = 0; }).starts_with("model.num_classes"));
  EXPECT_EQ(refused([](ModelConfig&) {}), "accepted");
}

}  // namespace
}  // namespace swin::layers
