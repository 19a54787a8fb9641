// Fine-tuning with another window or image size: position tables and embeddings are resized.
#include <utility>

#include "tests/weights/adapt_support.h"
#include "weights/table_resize.h"

namespace swin::weights {
namespace {

TEST_F(AdaptTest, TablesOfAnotherWindowAreResized) {
  const std::string name = "layers.0.blocks.1.attn.relative_position_bias_table";
  const Model from = random_model(square_config(32, 4));
  const std::vector<float> table = parameter(from, name);
  const std::vector<double> values(table.begin(), table.end());
  for (const auto& [resize, method] : {std::pair{PositionResize::bicubic, GridResize::bicubic},
                                       {PositionResize::timm, GridResize::geometric}}) {
    Model to(square_config(32, 8), 9, false);
    AdaptOptions options;
    options.position_resize = resize;
    const AdaptReport report = adapt(to, file_of(from), options);
    EXPECT_EQ(report.count(Action::resized), 4);
    EXPECT_EQ(row(report, name).detail.find("windows of 4 × 4 → 8 × 8, "), 0u);
    const auto expected = resize_grid(values, {7, 7}, {15, 15}, 2, method);
    const std::vector<float> found = parameter(to, name);
    ASSERT_EQ(found.size(), expected.size());
    for (size_t i = 0; i < found.size(); ++i)
      ASSERT_EQ(found[i], static_cast<float>(expected[i])) << i;
  }
}

TEST_F(AdaptTest, WindowsThatAreNotSquareAreKnownFromTheFilesConfig) {
  ModelConfig narrow = square_config();
  narrow.window_size = {2, 5};
  ModelConfig wide = narrow;
  wide.window_size = {5, 2};
  const Model from = random_model(narrow);
  Model to(wide, 9, false);
  // The shapes are equal: without the config the tables would be loaded unchanged.
  const AdaptReport report = adapt(to, file_of(from), {}, narrow);
  EXPECT_EQ(report.count(Action::resized), 4);
  EXPECT_EQ(row(report, "layers.1.blocks.0.attn.relative_position_bias_table").detail,
            "windows of 2 × 5 → 5 × 2, bicubic");

  Model square(square_config(32, 4), 9, false);
  const std::string message = refusal<base::WeightError>([&] { adapt(square, file_of(from)); });
  EXPECT_NE(message.find("weights.pth: found layers.0.blocks.0.attn.relative_position_bias_table "
                         "with shape (27, 2), expected (49, 2) (no square window has a "
                         "table of this size"),
            std::string::npos)
      << message;
}

TEST_F(AdaptTest, AWindowThatShrinksWithItsMapIsTheOneInUse) {
  ModelConfig small = square_config(32, 7);  // maps of 8 and 4 tokens
  small.window_shrink = WindowShrink::official;
  ModelConfig large = square_config(64, 7);  // maps of 16 and 8 tokens
  large.window_shrink = WindowShrink::official;
  Model to(large, 9, false);
  const AdaptReport report = adapt(to, file_of(random_model(small)), {}, small);
  EXPECT_EQ(row(report, "layers.0.blocks.0.attn.relative_position_bias_table").action,
            Action::loaded);
  EXPECT_EQ(row(report, "layers.1.blocks.0.attn.relative_position_bias_table").detail,
            "windows of 4 × 4 → 7 × 7, bicubic");
}

TEST_F(AdaptTest, AnotherNumberOfHeadsIsRefused) {
  ModelConfig other = square_config();
  other.num_heads = {1, 2};
  Model to(square_config(32, 8), 9, false);
  const std::string message =
      refusal<base::WeightError>([&] { adapt(to, file_of(random_model(other))); });
  EXPECT_NE(message.find("relative_position_bias_table with shape (49, 1), expected (225, 2)"),
            std::string::npos)
      << message;
}

TEST_F(AdaptTest, AbsolutePositionsAreResized) {
  ModelConfig small = square_config(32);
  small.ape = true;
  ModelConfig large = square_config(48);
  large.ape = true;
  const Model from = random_model(small);
  const std::vector<float> embedding = parameter(from, "absolute_pos_embed");
  for (const auto& [resize, method] : {std::pair{PositionResize::bicubic, GridResize::bicubic},
                                       {PositionResize::timm, GridResize::bicubic_antialias}}) {
    Model to(large, 9, false);
    AdaptOptions options;
    options.position_resize = resize;
    const AdaptReport report = adapt(to, file_of(from), options);
    EXPECT_EQ(row(report, "absolute_pos_embed").action, Action::resized);
    const auto expected = resize_grid(std::vector<double>(embedding.begin(), embedding.end()),
                                      {8, 8}, {12, 12}, 8, method);
    const std::vector<float> found = parameter(to, "absolute_pos_embed");
    for (size_t i = 0; i < expected.size(); ++i)
      ASSERT_EQ(found[i], static_cast<float>(expected[i]));
  }
}

ModelConfig vit_config(int64_t image, const std::string& pool = "token") {
  ModelConfig config;
  config.name = "vit";
  config.image_size = {image, image};
  config.patch_size = 4;
  config.embed_dim = 8;
  config.depths = {2};
  config.num_heads = {2};
  config.mlp_ratio = 2;
  config.global_pool = pool;
  config.num_classes = 5;
  return config;
}

TEST_F(AdaptTest, TheClassTokensRowStaysApart) {
  const Model from = random_model(vit_config(16));
  Model to(vit_config(24), 9, false);
  const AdaptReport report = adapt(to, file_of(from));
  EXPECT_EQ(row(report, "pos_embed").detail, "map of 4 × 4 → 6 × 6, bicubic with antialiasing");
  const std::vector<float> before = parameter(from, "pos_embed"),
                           after = parameter(to, "pos_embed");
  ASSERT_EQ(after.size(), 37u * 8);
  EXPECT_TRUE(std::equal(before.begin(), before.begin() + 8, after.begin()));
  const auto expected = resize_grid(std::vector<double>(before.begin() + 8, before.end()), {4, 4},
                                    {6, 6}, 8, GridResize::bicubic_antialias);
  for (size_t i = 0; i < expected.size(); ++i)
    ASSERT_EQ(after[8 + i], static_cast<float>(expected[i]));

  // A model with mean pooling has no such row; other differences must be allowed by name.
  Model mean(vit_config(16, "avg"), 9, false);
  EXPECT_THROW(adapt(mean, file_of(from)), base::WeightError);
  AdaptOptions options;
  options.allow_missing = {"fc_norm.*"};
  options.allow_unexpected = {"norm.*", "cls_token"};
  const AdaptReport averaged = adapt(mean, file_of(from), options);
  EXPECT_EQ(row(averaged, "pos_embed").action, Action::adapted);
  EXPECT_EQ(parameter(mean, "pos_embed"), std::vector<float>(before.begin() + 8, before.end()));
  EXPECT_EQ(row(averaged, "fc_norm.weight").action, Action::missing);
  EXPECT_EQ(row(averaged, "cls_token").action, Action::skipped);
}

}  // namespace
}  // namespace swin::weights
