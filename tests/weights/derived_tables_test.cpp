// Derived tables depend only on sizes.
#include "tests/weights/dialects_support.h"
#include "weights/dialects_derived.h"

namespace swin::weights {
namespace {

TEST(DerivedTables, IndexOfTwoByTwo) {
  EXPECT_THAT(relative_position_index({2, 2}),
              ElementsAre(4, 3, 1, 0, 5, 4, 2, 1, 7, 6, 4, 3, 8, 7, 5, 4));
  const std::vector<int64_t> oblong = relative_position_index({1, 3});
  EXPECT_THAT(oblong, ElementsAre(2, 1, 0, 3, 2, 1, 4, 3, 2));
}

TEST(DerivedTables, CoordinatesOfThePublishedModels) {
  const std::vector<float> eight = relative_coords_table({8, 8}, 0);
  ASSERT_EQ(eight.size(), 15u * 15 * 2);
  const float expected[] = {-1.0566f, -.9913f, -.9157f, -.8260f, -.7156f, -.5721f, -.3665f, 0};
  for (size_t i = 0; i < 8; ++i) EXPECT_NEAR(eight[2 * i + 1], expected[i], 5e-5);
  EXPECT_NEAR(relative_coords_table({16, 16}, 12).back(), 1.1913f, 5e-5);
  EXPECT_THAT(relative_coords_table({1, 1}, 0), ElementsAre(0, 0));
}

TEST(DerivedTables, TellThePretrainedWindow) {
  ModelConfig config = config_of("swin_v2");
  config.window_size = {16, 16};
  config.image_size = {128, 128};
  config.depths = {1, 1};
  config.pretrained_window_sizes = {12, 0};
  std::vector<NamedArray> arrays = to_official(read_keys("timm_swin_v2"), "file").arrays;
  remove(arrays, ".blocks.1.");
  const WeightFile file = to_official(to_dialect(arrays, Dialect::official, config), "file");
  const ModelConfig found = infer_model_config(file).config;
  EXPECT_EQ(found.window_size, (Size2{16, 16}));
  EXPECT_EQ(found.pretrained_window_sizes, (std::vector<int64_t>{12, 0}));
}

}  // namespace
}  // namespace swin::weights
