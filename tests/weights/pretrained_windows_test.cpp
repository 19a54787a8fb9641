// Swin V2's pretrained_window_sizes from a file's config or its tables.
#include <cmath>

#include "tests/weights/adapt_support.h"
#include "weights/dialects_derived.h"

namespace swin::weights {
namespace {

ModelConfig v2(int64_t image, int64_t window) {
  ModelConfig config;
  config.name = "swin_v2";
  config.image_size = {image, image};
  config.window_size = {window, window};
  config.num_classes = 5;
  return config;
}

WeightFile with_tables(const ModelConfig& config) {
  WeightFile file;
  file.where = "v2.pth";
  file.model = "swin_v2";
  for (int64_t stage = 0; stage < config.num_stages(); ++stage) {
    const Size2 window = stage_windows(config, stage).window;
    file.derived.push_back(
        owned("layers." + std::to_string(stage) + ".blocks.0.attn.relative_coords_table",
              {1, 2 * window[0] - 1, 2 * window[1] - 1, 2},
              relative_coords_table(window, config.pretrained_window_of(stage))));
  }
  return file;
}

TEST(PretrainedWindows, AreTheWindowsTheWeightsWereTrainedWith) {
  // The published fine-tuning from window 12 at 192 px to 16 at 256 px: [12, 12, 12, 6].
  const std::vector<int64_t> published = {12, 12, 12, 6};
  const ModelConfig source = v2(192, 12), config = v2(256, 16);
  const PretrainedWindows by_config = pretrained_windows(WeightFile{}, source, config);
  EXPECT_TRUE(by_config.known);
  EXPECT_EQ(by_config.sizes, published);
  EXPECT_EQ(pretrained_windows(with_tables(source), std::nullopt, config).sizes, published);
  EXPECT_EQ(pretrained_windows(with_tables(source), std::nullopt, config).how,
            "its relative_coords_table");

  // A second fine-tuning to 24 at 384 px: the coordinates are still divided by 12 and 6.
  ModelConfig second = config;
  second.pretrained_window_sizes = published;
  EXPECT_EQ(pretrained_windows(WeightFile{}, second, v2(384, 24)).sizes, published);
  EXPECT_EQ(pretrained_windows(with_tables(second), std::nullopt, v2(384, 24)).sizes, published);

  // The same windows: no sizes.
  EXPECT_TRUE(pretrained_windows(WeightFile{}, source, source).sizes.empty());
  EXPECT_TRUE(pretrained_windows(with_tables(source), std::nullopt, source).sizes.empty());
  EXPECT_TRUE(pretrained_windows(with_tables(source), std::nullopt, source).known);
  // A file without config and tables.
  EXPECT_FALSE(pretrained_windows(WeightFile{}, std::nullopt, config).known);
  // Tables of impossible shapes are ignored; coordinates of NaN still give the window.
  WeightFile odd;
  for (const std::vector<int64_t>& shape : {std::vector<int64_t>{0, 3, 3, 2}, {1, 4, 3, 2}, {1}})
    odd.derived.push_back(
        owned("layers.0.blocks.0.attn.relative_coords_table", shape,
              std::vector<float>(shape.size() == 1 ? 1 : static_cast<size_t>(shape[0] * 24))));
  odd.derived.push_back(owned("layers.0.blocks.0.attn.relative_position_index", {0}, {}));
  EXPECT_FALSE(pretrained_windows(odd, std::nullopt, config).known);
  WeightFile wild = with_tables(source);
  for (NamedArray& table : wild.derived)
    table = owned(table.name, table.shape,
                  std::vector<float>(static_cast<size_t>(table.num_elements()), NAN));
  EXPECT_EQ(pretrained_windows(wild, std::nullopt, config).sizes, published);
  // The window follows from relative_position_index, too.
  WeightFile indices;
  for (int64_t stage = 0; stage < 4; ++stage)
    indices.derived.push_back(
        owned("layers." + std::to_string(stage) + ".blocks.0.attn.relative_position_index",
              {16, 16}, std::vector<float>(256)));
  EXPECT_EQ(pretrained_windows(indices, std::nullopt, config).sizes,
            (std::vector<int64_t>{4, 4, 4, 4}));
}

TEST(PretrainedWindows, WindowsThatAreNotSquareMustStay) {
  ModelConfig source = v2(256, 8);
  source.window_size = {4, 8};
  EXPECT_TRUE(pretrained_windows(WeightFile{}, source, source).sizes.empty());
  EXPECT_TRUE(pretrained_windows(with_tables(source), std::nullopt, source).sizes.empty());
  EXPECT_NE(refusal<base::UsageError>([&] {
              pretrained_windows(WeightFile{}, source, v2(256, 8));
            }).find("found weights with windows of 4 × 8 in stage 0"),
            std::string::npos);
}

}  // namespace
}  // namespace swin::weights
