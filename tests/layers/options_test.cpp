// Every option of the model has its documented effect.
#include <algorithm>

#include "autograd/ops/ops.h"
#include "tests/layers/model_support.h"

namespace swin::layers {
namespace {

// ---- image sizes --------------------------------------------------------------------------------

TEST_F(LayersTest, ImagesThatNoPatchDividesArePaddedWithZeros) {
  ModelConfig config = micro_config();
  config.image_size = {18, 25};  // 5 × 7 patches, like 20 × 28
  const Tensor small = random_images(config, 2);
  ModelConfig whole = micro_config();
  Tensor large = Tensor::filled({2, 20, 28, 3}, 0);
  for (int64_t b = 0; b < 2; ++b)
    for (int64_t i = 0; i < 18; ++i)
      for (int64_t j = 0; j < 25 * 3; ++j)
        large.mutable_data()[(b * 20 + i) * 28 * 3 + j] = small.data()[(b * 18 + i) * 25 * 3 + j];
  EXPECT_EQ(logits_of(random_model(config), small), logits_of(random_model(whole), large));
}

TEST_F(LayersTest, OneChannel) {
  ModelConfig gray = micro_config(), color = micro_config();
  gray.in_chans = 1;
  Model gray_model = random_model(gray), color_model = random_model(color);
  const Tensor images = random_images(gray, 2);
  // The same as three equal channels with a third of the weights each.
  Tensor repeated({2, 20, 28, 3});
  for (int64_t i = 0; i < repeated.numel(); ++i) repeated.mutable_data()[i] = images.data()[i / 3];
  const ParameterEntry* from = gray_model.parameters().find("patch_embed.proj.weight");
  for (size_t i = 0; i < color_model.parameters().size(); ++i) {
    const ParameterEntry& entry = color_model.parameters()[i];
    if (entry.name != from->name) continue;
    EXPECT_EQ(entry.shape, (Shape{8, 3, 4, 4}));
    for (int64_t j = 0; j < entry.numel(); ++j)
      color_model.parameters().mutable_data(i)[j] = from->tensor.data()[j / 48 * 16 + j % 16] / 3;
  }
  EXPECT_LT(distance(logits_of(gray_model, images), logits_of(color_model, repeated)), kExact);
}

TEST_F(LayersTest, FeaturesAreTheMapsOfTheStages) {
  const ModelConfig config = micro_config();
  const Model model = random_model(config);
  std::vector<Tensor> features;
  model.forward(random_images(config, 2), Pass{}, &features);
  ASSERT_EQ(features.size(), 2u);
  EXPECT_EQ(features[0].shape(), (Shape{2, 5, 7, 8}));
  EXPECT_EQ(features[1].shape(), (Shape{2, 3, 4, 16}));
}

// ---- options ------------------------------------------------------------------------------------

TEST_F(LayersTest, AbsolutePositionIsAddedToTheTokens) {
  ModelConfig plain = micro_config(), ape = micro_config();
  ape.ape = true;
  Model without = random_model(plain), with = random_model(ape);
  const ParameterEntry* entry = with.parameters().find("absolute_pos_embed");
  ASSERT_NE(entry, nullptr);
  EXPECT_EQ(entry->shape, (Shape{1, 35, 8}));
  const Tensor images = random_images(plain, 1);
  EXPECT_GT(distance(logits_of(with, images), logits_of(without, images)), 1e-3);
  for (size_t i = 0; i < with.parameters().size(); ++i)
    if (with.parameters()[i].name == "absolute_pos_embed")
      std::fill_n(with.parameters().mutable_data(i), entry->numel(), real{0});
  EXPECT_EQ(logits_of(with, images), logits_of(without, images));
}

TEST_F(LayersTest, OptionsRemoveTheirParameters) {
  ModelConfig config = micro_config();
  config.qkv_bias = false;
  config.patch_norm = false;
  const Model model = random_model(config);
  EXPECT_EQ(model.parameters().find("layers.0.blocks.0.attn.qkv.bias"), nullptr);
  EXPECT_EQ(model.parameters().find("patch_embed.norm.weight"), nullptr);
  EXPECT_NE(model.parameters().find("layers.0.blocks.0.attn.proj.bias"), nullptr);
  const Model whole = random_model(micro_config());
  EXPECT_EQ(model.parameters().size() + 4 + 2, whole.parameters().size());
  EXPECT_GT(distance(logits_of(model, random_images(config, 1)),
                     logits_of(whole, random_images(config, 1))),
            1e-3);
}

TEST_F(LayersTest, QkScaleReplacesTheRootOfTheHeadDimension) {
  ModelConfig config = micro_config();
  const auto with = [&](std::optional<double> scale) {
    config.qk_scale = scale;
    return logits_of(random_model(config), random_images(config, 1));
  };
  EXPECT_LT(distance(with(0.5), with(std::nullopt)), kExact);  // heads of 4 channels in both stages
  EXPECT_GT(distance(with(0.1), with(std::nullopt)), 1e-3);
}

TEST_F(LayersTest, MlpRatioMayBeAnyNumber) {
  ModelConfig config = micro_config();
  config.mlp_ratio = 2.7;  // 21.6 and 43.2 channels, rounded down as in the published code
  const Model model = random_model(config);
  EXPECT_EQ(model.parameters().find("layers.0.blocks.0.mlp.fc1.weight")->shape, (Shape{21, 8}));
  EXPECT_EQ(model.parameters().find("layers.1.blocks.0.mlp.fc2.weight")->shape, (Shape{16, 43}));
  EXPECT_EQ(model.forward(random_images(config, 1), Pass{}).shape(), (Shape{1, 5}));
}

// ---- randomness ---------------------------------------------------------------------------------

ModelConfig random_config() {
  ModelConfig config = micro_config();
  config.drop_rate = 0.2;
  config.attn_drop_rate = 0.2;
  config.drop_path_rate = 0.4;
  return config;
}

Tensor slice_of(const Tensor& images, int64_t first, int64_t count) {
  const int64_t numel = images.numel() / images.dim(0);
  return Tensor::from({count, images.dim(1), images.dim(2), images.dim(3)},
                      {images.data() + first * numel, static_cast<size_t>(count * numel)});
}

TEST_F(LayersTest, DrawsDependOnSeedStepAndSample) {
  const ModelConfig config = random_config();
  const Model model = random_model(config);
  const Tensor images = random_images(config, 5);
  const Pass pass{true, 9, 4, 0};
  const std::vector<real> whole = logits_of(model, images, pass);
  EXPECT_EQ(logits_of(model, images, pass), whole);
  EXPECT_NE(logits_of(model, images, Pass{true, 10, 4, 0}), whole);
  EXPECT_NE(logits_of(model, images, Pass{true, 9, 5, 0}), whole);
  EXPECT_NE(logits_of(model, images, Pass{true, 9, 4, 1}), whole);
  EXPECT_NE(logits_of(model, images), whole);

  // In micro-batches, samples get the same draws as in the whole batch.
  std::vector<real> slices;
  for (const auto& [first, count] : {std::pair{0, 2}, std::pair{2, 1}, std::pair{3, 2}}) {
    const std::vector<real> part = logits_of(model, slice_of(images, first, count),
                                             Pass{true, 9, 4, static_cast<uint64_t>(first)});
    slices.insert(slices.end(), part.begin(), part.end());
  }
  EXPECT_LT(distance(slices, whole), kExact);
}

TEST_F(LayersTest, EachKindOfDropoutActsOnlyInTraining) {
  const Tensor images = random_images(micro_config(), 4);
  const std::vector<real> plain = logits_of(random_model(micro_config()), images);
  for (double ModelConfig::*rate :
       {&ModelConfig::drop_rate, &ModelConfig::attn_drop_rate, &ModelConfig::drop_path_rate}) {
    ModelConfig config = micro_config();
    config.*rate = 0.5;
    const Model model = random_model(config);
    EXPECT_EQ(logits_of(model, images), plain);
    EXPECT_GT(distance(logits_of(model, images, Pass{true, 1, 1, 0}), plain), 1e-3);
  }
}

// Records the outputs of all dropout ops: their zeros show the position and the random stream.
class DropoutWatch : public autograd::ForwardObserver {
 public:
  void op_done(const autograd::OpDone& done) override {
    if (std::string(done.op) == "dropout") seen.emplace_back(done.y.shape(), done.y.values());
  }
  std::vector<std::pair<Shape, std::vector<real>>> seen;
};

TEST_F(LayersTest, DropoutHasThePublishedPositions) {
  ModelConfig config = micro_config();
  config.depths = {1, 1};
  config.drop_rate = 0.25;
  const Model model = random_model(config);
  DropoutWatch watch;
  model.forward(random_images(config, 2), Pass{true, 8, 3, 40});
  const std::vector<std::pair<std::string, int64_t>> expected = {
      {"pos_drop/drop", 8},
      {"layers.0.blocks.0.attn/proj_drop", 8},
      {"layers.0.blocks.0.mlp/drop1", 16},
      {"layers.0.blocks.0.mlp/drop2", 8},
      {"layers.1.blocks.0.attn/proj_drop", 16},
      {"layers.1.blocks.0.mlp/drop1", 32},
      {"layers.1.blocks.0.mlp/drop2", 16}};
  ASSERT_EQ(watch.seen.size(), expected.size());
  for (size_t i = 0; i < expected.size(); ++i) {
    const auto& [shape, values] = watch.seen[i];
    SCOPED_TRACE(expected[i].first);
    EXPECT_EQ(shape[-1], expected[i].second);
    const int64_t numel = shape.numel() / 2;
    int64_t differing = 0;
    for (int64_t b = 0; b < 2; ++b) {
      const base::Random random(8, expected[i].first, 3, static_cast<uint64_t>(40 + b));
      for (int64_t j = 0; j < numel; ++j) {
        const bool kept = random.uniform(static_cast<uint64_t>(j)) < 0.75f;
        differing += (values[static_cast<size_t>(b * numel + j)] != 0) != kept;
      }
    }
    EXPECT_EQ(differing, 0);
  }
}

// Records which samples each block drops, which shows its rate.
class DropPathWatch : public autograd::ForwardObserver {
 public:
  void op_done(const autograd::OpDone& done) override {
    if (std::string(done.op) != "add_samples") return;
    const Tensor &x = done.inputs[0], &y = done.y;
    const int64_t batch = y.dim(0), numel = y.numel() / batch;
    std::vector<bool> kept;
    for (int64_t b = 0; b < batch; ++b)
      kept.push_back(
          !std::equal(y.data() + b * numel, y.data() + (b + 1) * numel, x.data() + b * numel));
    seen.emplace_back(done.path, kept);
  }
  std::vector<std::pair<std::string, std::vector<bool>>> seen;
};

TEST_F(LayersTest, DropPathRatesRiseEvenlyOverAllBlocks) {
  ModelConfig config = micro_config();
  config.image_size = {8, 8};
  config.depths = {2, 3};
  config.drop_path_rate = 0.4;
  const Model model = random_model(config);
  constexpr uint64_t kSeed = 2, kStep = 3;
  constexpr int64_t kBatch = 400;
  DropPathWatch watch;
  const autograd::OpByOp op_by_op;
  model.forward(random_images(config, kBatch), Pass{true, kSeed, kStep, 0});
  const std::vector<std::pair<std::string, double>> blocks = {{"layers.0.blocks.1", 0.1},
                                                              {"layers.1.blocks.0", 0.2},
                                                              {"layers.1.blocks.1", 0.3},
                                                              {"layers.1.blocks.2", 0.4}};
  ASSERT_EQ(watch.seen.size(), 2 * blocks.size());  // the first block never drops
  for (size_t i = 0; i < watch.seen.size(); ++i) {
    const auto& [path, rate] = blocks[i / 2];
    EXPECT_EQ(watch.seen[i].first, path);
    const std::string stream = path + (i % 2 ? "/drop_path2" : "/drop_path1");
    for (int64_t b = 0; b < kBatch; ++b) {
      const float draw = base::Random(kSeed, stream, kStep, static_cast<uint64_t>(b)).uniform(0);
      if (std::abs(draw - (1 - rate)) < 1e-6) continue;  // rounding of the rate may decide
      EXPECT_EQ(watch.seen[i].second[static_cast<size_t>(b)], draw < 1 - rate)
          << stream << " sample " << b;
    }
  }
}

}  // namespace
}  // namespace swin::layers
