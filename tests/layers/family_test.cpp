// What distinguishes the other architectures from Swin: V2, Swin-MLP, ViT, backbone, SimMIM.
#include <gmock/gmock.h>

#include <algorithm>

#include "autograd/ops/ops.h"
#include "autograd/tape/tape.h"
#include "base/errors.h"
#include "base/pool.h"
#include "layers/backbone.h"
#include "layers/simmim.h"
#include "layers/spatial_mlp.h"
#include "layers/window_attention.h"
#include "tests/layers/model_support.h"

namespace swin::layers {
namespace {

using testing::HasSubstr;

ModelConfig micro(const std::string& name) {
  ModelConfig config = micro_config();
  config.name = name;
  return config;
}

ModelConfig vit_base() {
  ModelConfig config;
  config.name = "vit";
  config.patch_size = 16;
  config.embed_dim = 768;
  config.depths = {12};
  config.num_heads = {12};
  config.num_classes = 1000;
  return config;
}

template <class Make>
std::string refusal(Make make) {
  try {
    make();
  } catch (const base::UsageError& error) {
    return error.what();
  }
  return "nothing was refused";
}

// ---- every architecture -------------------------------------------------------------------------

TEST_F(LayersTest, WindowsAndMlpRatiosOfEachStage) {
  ModelConfig config = micro_config();
  config.window_sizes = {{2, 3}, {3, 1}};
  config.mlp_ratios = {1, 2.5};
  const Model model(config, 0, false);
  EXPECT_EQ(window_layout(config, 0, 0).window, (Size2{2, 3}));
  EXPECT_EQ(window_layout(config, 1, 0).window, (Size2{3, 1}));
  const auto shape = [&](const std::string& name) { return model.parameters().find(name)->shape; };
  EXPECT_EQ(shape("layers.0.blocks.0.attn.relative_position_bias_table"), (Shape{3 * 5, 2}));
  EXPECT_EQ(shape("layers.1.blocks.1.attn.relative_position_bias_table"), (Shape{5, 4}));
  EXPECT_EQ(shape("layers.0.blocks.0.mlp.fc1.weight"), (Shape{8, 8}));
  EXPECT_EQ(shape("layers.1.blocks.0.mlp.fc1.weight"), (Shape{40, 16}));
}

TEST_F(LayersTest, UnknownArchitecturesAreRefused) {
  EXPECT_THAT(refusal([] { Model(micro("swim"), 0, false); }),
              HasSubstr("expected one of swin, swin_v2, swin_mlp, vit"));
}

TEST_F(LayersTest, ListsThatDoNotFitTheStagesAreRefused) {
  ModelConfig config = micro_config();
  config.mlp_ratios = {1, 2, 3};
  EXPECT_THAT(refusal([&] { Model(config, 0, false); }), HasSubstr("model.mlp_ratio: found 3"));
}

TEST_F(LayersTest, ClassifiersNeedAClass) {
  for (const std::string name : kArchitectures) {
    ModelConfig config = name == "vit" ? vit_base() : micro(name);
    config.num_classes = 0;
    const base::DryRun dry;
    EXPECT_EQ(refusal([&] { Model(config, 0, false); }),
              "model.num_classes: found 0, expected at least 1; set model.num_classes")
        << name;
  }
}

// ---- Swin V2 ------------------------------------------------------------------------------------

TEST_F(LayersTest, V2StartsAsTheIdentity) {
  const ModelConfig config = micro("swin_v2");
  const Model model(config, 1, false);
  std::vector<Tensor> features;
  const Tensor images = random_images(config, 2);
  model.forward(images, {}, &features);
  // The map of the first stage is the output of the patch embedding: rows of mean 0, deviation 1.
  const Tensor& map = features[0];
  for (int64_t row = 0; row < map.numel() / 8; ++row) {
    double mean = 0, square = 0;
    for (int64_t c = 0; c < 8; ++c) {
      mean += map.data()[row * 8 + c] / 8.0;
      square += map.data()[row * 8 + c] * map.data()[row * 8 + c] / 8.0;
    }
    EXPECT_NEAR(mean, 0, 1e-5);
    EXPECT_NEAR(square, 1, 1e-3);
  }
}

TEST_F(LayersTest, V2ParametersAndTheirDecay) {
  const Model model(micro("swin_v2"), 0, false);
  const auto& parameters = model.parameters();
  const std::string block = "layers.1.blocks.0.";
  for (const auto& [name, shape, decays] :
       {std::tuple<std::string, Shape, bool>{"attn.logit_scale", {4, 1, 1}, false},
        {"attn.cpb_mlp.0.weight", {512, 2}, false},
        {"attn.cpb_mlp.0.bias", {512}, false},
        {"attn.cpb_mlp.2.weight", {4, 512}, false},
        {"attn.qkv.weight", {48, 16}, true},
        {"attn.q_bias", {16}, false},
        {"attn.v_bias", {16}, false},
        {"attn.proj.weight", {16, 16}, true},
        {"norm1.weight", {16}, false}}) {
    const ParameterEntry* entry = parameters.find(block + name);
    ASSERT_NE(entry, nullptr) << name;
    EXPECT_EQ(entry->shape, shape) << name;
    EXPECT_EQ(entry->decay == WeightDecay::yes, decays) << name;
  }
  EXPECT_EQ(parameters.find(block + "attn.qkv.bias"), nullptr);
  EXPECT_EQ(parameters.find(block + "attn.relative_position_bias_table"), nullptr);
  EXPECT_EQ(parameters.find("layers.0.downsample.norm.weight")->shape, (Shape{16}));
  EXPECT_EQ(parameters.find(block + "norm1.weight")->tensor.data()[3], 0);
  EXPECT_EQ(parameters.find(block + "attn.logit_scale")->tensor.data()[0],
            static_cast<real>(static_cast<float>(std::log(10.0))));
}

TEST_F(LayersTest, V2OfOneTokenIsFinite) {
  ModelConfig config = micro("swin_v2");
  config.image_size = {32, 32};  // 8, 4, 2 and 1 tokens per side
  config.depths = {1, 1, 1, 2};
  config.num_heads = {1, 2, 4, 8};
  config.window_size = {8, 8};
  config.window_shrink = WindowShrink::official;
  const Model model = random_model(config);
  EXPECT_EQ(window_layout(config, 3, 0).window, (Size2{1, 1}));
  for (const real logit : logits_of(model, random_images(config, 2)))
    EXPECT_TRUE(std::isfinite(logit));
}

TEST_F(LayersTest, V2PretrainedWindowsChangeTheBias) {
  ModelConfig config = micro("swin_v2");
  const Tensor images = random_images(config, 1);
  const std::vector<real> own = logits_of(random_model(config), images);
  config.pretrained_window_sizes = {0, 0};
  EXPECT_EQ(logits_of(random_model(config), images), own);
  config.pretrained_window_sizes = {5, 0};
  EXPECT_GT(distance(logits_of(random_model(config), images), own), 1e-6);
}

TEST_F(LayersTest, V2MasksPadding) {
  // This model pads its maps, so masking the padding changes the logits.
  ModelConfig config = micro("swin_v2");
  const Tensor images = random_images(config, 1);
  const std::vector<real> seen = logits_of(random_model(config), images);
  config.pad_mode = PadMode::masked;
  EXPECT_GT(distance(logits_of(random_model(config), images), seen), 1e-4);
}

// ---- Swin-MLP -----------------------------------------------------------------------------------

// The published definition in plain loops: pad with zeros, windows, one matrix per head, crop.
std::vector<double> plain_spatial_mlp(const Tensor& x, const Parameters& parameters, int64_t heads,
                                      Size2 window, Size2 shift) {
  const int64_t height = x.dim(1), width = x.dim(2), dim = x.dim(3), area = window[0] * window[1];
  const Size2 map = {(height + window[0] - 1) / window[0] * window[0],
                     (width + window[1] - 1) / window[1] * window[1]};
  Size2 before{}, total = map;
  for (size_t i : {0u, 1u})
    if (shift[i] > 0 && map[i] > window[i]) {
      before[i] = window[i] - shift[i];
      total[i] += window[i];
    }
  const real* weight = parameters.find("spatial_mlp.weight")->tensor.data();
  const real* bias = parameters.find("spatial_mlp.bias")->tensor.data();
  std::vector<double> y;
  for (int64_t b = 0; b < x.dim(0); ++b)
    for (int64_t row = 0; row < height; ++row)
      for (int64_t column = 0; column < width; ++column)
        for (int64_t c = 0; c < dim; ++c) {
          const int64_t at_row = row + before[0], at_column = column + before[1];
          const int64_t top = at_row / window[0] * window[0];
          const int64_t left = at_column / window[1] * window[1];
          const int64_t head = c / (dim / heads);
          const int64_t i = (at_row - top) * window[1] + at_column - left;
          double sum = bias[head * area + i];
          for (int64_t j = 0; j < area; ++j) {
            const int64_t from_row = top + j / window[1] - before[0];
            const int64_t from_column = left + j % window[1] - before[1];
            if (from_row < 0 || from_row >= height || from_column < 0 || from_column >= width)
              continue;
            sum += static_cast<double>(weight[(head * area + i) * area + j]) *
                   x.data()[((b * height + from_row) * width + from_column) * dim + c];
          }
          y.push_back(sum);
        }
  return y;
}

TEST_F(LayersTest, SpatialMlpEqualsItsDefinition) {
  for (const Size2 map : {Size2{4, 6}, Size2{5, 7}, Size2{2, 9}})
    for (const auto& [window, block] :
         {std::pair{Size2{2, 3}, 0}, {Size2{2, 3}, 1}, {Size2{1, 5}, 1}}) {
      ModelConfig config = micro("swin_mlp");
      config.window_size = window;
      const Size2 shift = block == 1 ? Size2{window[0] / 2, window[1] / 2} : Size2{0, 0};
      Parameters parameters;
      const SpatialMlp mixer(Scope(parameters) / "spatial_mlp", config, 0, block);
      parameters.allocate(false);
      randomize(parameters);
      const Tensor x = random_tensor({2, map[0], map[1], 8}, 4);
      std::vector<real> expected;
      for (double value : plain_spatial_mlp(x, parameters, 2, window, shift))
        expected.push_back(static_cast<real>(value));
      EXPECT_LT(distance(mixer(x, {}).values(), expected), kExact)
          << map[0] << "×" << map[1] << " shift " << shift[0] << ", " << shift[1];
    }
}

TEST_F(LayersTest, SwinMlpHasNoAttention) {
  const Model model(micro("swin_mlp"), 0, false);
  const ParameterEntry* weight = model.parameters().find("layers.1.blocks.1.spatial_mlp.weight");
  ASSERT_NE(weight, nullptr);
  EXPECT_EQ(weight->shape, (Shape{4 * 6, 6, 1}));
  EXPECT_EQ(weight->decay, WeightDecay::yes);
  for (size_t i = 0; i < model.parameters().size(); ++i)
    EXPECT_EQ(model.parameters()[i].name.find("attn"), std::string::npos);
}

// ---- ViT ----------------------------------------------------------------------------------------

TEST_F(LayersTest, VitBaseHasThePublishedParameters) {
  const base::DryRun dry;
  EXPECT_EQ(Model(vit_base(), 0, false).parameters().count(), 86567656);
  ModelConfig small = vit_base();
  small.embed_dim = 384;
  small.num_heads = {6};
  EXPECT_EQ(Model(small, 0, false).parameters().count(), 22050664);
}

TEST_F(LayersTest, VitPoolsByTokenOrByMean) {
  ModelConfig config = vit_base();
  config.image_size = {32, 48};
  config.embed_dim = 24;
  config.depths = {1};
  config.num_heads = {2};
  config.num_classes = 3;
  const Model token(config, 0, false);
  EXPECT_NE(token.parameters().find("cls_token"), nullptr);
  EXPECT_EQ(token.parameters().find("pos_embed")->shape, (Shape{1, 7, 24}));
  EXPECT_EQ(token.parameters().find("pos_embed")->decay, WeightDecay::no);
  EXPECT_NE(token.parameters().find("norm.weight"), nullptr);
  std::vector<Tensor> features;
  EXPECT_EQ(token.forward(random_images(config, 2), {}, &features).shape(), (Shape{2, 3}));
  ASSERT_EQ(features.size(), 1u);
  EXPECT_EQ(features[0].shape(), (Shape{2, 2, 3, 24}));
  EXPECT_THAT(refusal([&] {
                token.forward(Tensor::filled({1, 32, 32, 3}, 0), {});
              }),
              HasSubstr("found images of 2 × 2 tokens, expected 2 × 3"));
  config.global_pool = "avg";
  const Model mean(config, 0, false);
  EXPECT_EQ(mean.parameters().find("cls_token"), nullptr);
  EXPECT_EQ(mean.parameters().find("pos_embed")->shape, (Shape{1, 6, 24}));
  EXPECT_NE(mean.parameters().find("fc_norm.weight"), nullptr);
}

// ---- Backbone -----------------------------------------------------------------------------------

TEST_F(LayersTest, BackboneGivesMapsOfAnySizeAtEveryStride) {
  for (const char* name : {"swin", "swin_v2", "swin_mlp"}) {
    ModelConfig config = micro(name);
    config.depths = {2, 1, 1, 1};
    config.num_heads = {1, 2, 4, 8};
    Parameters parameters;
    const Backbone backbone(Scope(parameters), config);
    parameters.allocate(false);
    randomize(parameters);
    for (const Size2 image : {Size2{20, 28}, Size2{64, 33}, Size2{5, 90}}) {
      const Tensor images = random_tensor({2, image[0], image[1], 3}, 7);
      const std::vector<Tensor> maps = backbone(images, {});
      ASSERT_EQ(maps.size(), 4u);
      for (size_t i = 0; i < 4; ++i) {
        const Backbone::Output& output = backbone.outputs()[i];
        EXPECT_EQ(output.stride, 4 << i);
        EXPECT_EQ(output.channels, 8 << i);
        EXPECT_EQ(maps[i].shape(),
                  (Shape{2, (image[0] + output.stride - 1) / output.stride,
                         (image[1] + output.stride - 1) / output.stride, output.channels}));
      }
    }
  }
}

TEST_F(LayersTest, BackboneOutputsAreNormalizedStages) {
  ModelConfig config = micro_config();
  config.window_shrink = WindowShrink::always_shift;
  const Model model = random_model(config);
  Parameters parameters;
  const Backbone backbone(Scope(parameters), config, {{1}, -1});
  parameters.allocate(false);
  randomize(parameters);  // by name: the same trunk as in `model`
  EXPECT_EQ(parameters.find("norm0.weight"), nullptr);
  EXPECT_EQ(parameters.find("head.weight"), nullptr);
  std::vector<Tensor> features;
  const Tensor images = random_images(config, 2);
  model.forward(images, {}, &features);
  const Tensor expected = autograd::layer_norm(features[1], parameters.find("norm1.weight")->tensor,
                                               parameters.find("norm1.bias")->tensor);
  EXPECT_EQ(backbone(images, {})[0].values(), expected.values());
}

TEST_F(LayersTest, StagesAfterTheLastOutputAreNotBuilt) {
  Parameters parameters;
  const Backbone backbone(Scope(parameters), micro_config(), {{0}, -1});
  for (size_t i = 0; i < parameters.size(); ++i)
    EXPECT_FALSE(parameters[i].name.starts_with("layers.1.") ||
                 parameters[i].name.starts_with("layers.0.downsample"))
        << parameters[i].name;
}

TEST_F(LayersTest, BackboneNeedsNoClasses) {
  ModelConfig config = micro_config();
  config.num_classes = 0;
  Parameters parameters;
  EXPECT_NO_THROW(Backbone(Scope(parameters), config, {.out_stages = {0, 1}}));
}

TEST_F(LayersTest, FrozenStagesGetNoGradientsAndDropNothing) {
  ModelConfig config = micro_config();
  config.ape = true;
  config.drop_rate = 0.2;
  config.drop_path_rate = 0.5;
  Parameters parameters;
  const Backbone backbone(Scope(parameters), config, {{0, 1}, 1});
  parameters.allocate(true);
  randomize(parameters);
  backbone.freeze(parameters);
  const Tensor images = random_images(config, 4);
  const Pass training{true, 6, 2, 0};
  // Only the frozen part gives the same output in training and in evaluation mode.
  const std::vector<Tensor> trained = backbone(images, training), still = backbone(images, {});
  EXPECT_EQ(trained[0].values(), still[0].values());
  EXPECT_NE(trained[1].values(), still[1].values());

  parameters.begin_step();
  autograd::Tape tape;
  Tensor map;
  {
    const autograd::Tape::Recording recording(tape);
    map = backbone(images, training)[1];
  }
  for (const autograd::Node& node : tape.nodes())
    EXPECT_EQ(node.path.find("layers.0.blocks"), std::string::npos) << node.op << " was recorded";
  tape.backward(map, random_tensor(map.shape(), 3));
  EXPECT_EQ(parameters.without_gradient(), "");
  for (size_t i = 0; i < parameters.size(); ++i) {
    const std::string& name = parameters[i].name;
    const bool frozen = name.starts_with("patch_embed.") || name == "absolute_pos_embed" ||
                        name.starts_with("layers.0.") || name.starts_with("norm0.");
    EXPECT_EQ(parameters[i].trainable, !frozen) << name;
  }
}

TEST_F(LayersTest, BackboneRefusesImpossibleOptions) {
  Parameters parameters;
  const auto make = [&](const char* name, const BackboneOptions& options) {
    return refusal([&] { Backbone(Scope(parameters), micro(name), options); });
  };
  EXPECT_THAT(make("vit", {}), HasSubstr("expected a Swin"));
  EXPECT_THAT(make("swin", {{0, 2}, -1}), HasSubstr("out_stages: found stage 2"));
  EXPECT_THAT(make("swin", {{1, 0}, -1}), HasSubstr("out_stages: found stage 0"));
  EXPECT_THAT(make("swin", {{}, -1}), HasSubstr("out_stages: found none"));
  EXPECT_THAT(make("swin", {{0, 1}, 3}), HasSubstr("frozen_stages: found 3"));
}

// ---- SimMIM -------------------------------------------------------------------------------------

TEST_F(LayersTest, MaskedImageModelNeedsNoClasses) {
  ModelConfig config = micro_config();
  config.num_classes = 0;
  Parameters parameters;
  EXPECT_NO_THROW(MaskedImageModel(Scope(parameters), config));
}

TEST_F(LayersTest, MaskedTokensDoNotChangeTheOutput) {
  ModelConfig config = micro_config();
  config.image_size = {24, 32};
  Parameters parameters;
  const MaskedImageModel model(Scope(parameters), config);
  parameters.allocate(false);
  randomize(parameters);
  EXPECT_EQ(model.stride(), 8);
  EXPECT_EQ(parameters.find("encoder.mask_token")->shape, (Shape{1, 1, 8}));
  EXPECT_EQ(parameters.find("decoder.0.weight")->shape, (Shape{8 * 8 * 3, 16, 1, 1}));
  EXPECT_NE(parameters.find("encoder.norm.weight"), nullptr);
  EXPECT_EQ(parameters.find("encoder.head.weight"), nullptr);

  Tensor images = random_images(config, 1);
  Tensor mask = Tensor::filled({1, 6, 8}, 0);
  mask.mutable_data()[2 * 8 + 3] = 1;  // rows 8 … 11, columns 12 … 15
  const Tensor predicted = model(images, mask, {});
  EXPECT_EQ(predicted.shape(), (Shape{1, 24, 32, 3}));
  images.mutable_data()[(9 * 32 + 13) * 3] += 1;
  EXPECT_EQ(model(images, mask, {}).values(), predicted.values());
  images.mutable_data()[(9 * 32 + 17) * 3] += 1;
  EXPECT_NE(model(images, mask, {}).values(), predicted.values());
}

}  // namespace
}  // namespace swin::layers
