// The windows of a file follow from its tables; the conventions of other libraries.
#include "tests/weights/dialects_support.h"
#include "weights/dialects_conventions.h"
#include "weights/saved_windows.h"

namespace swin::weights {

using layers::ModelConfig;
using layers::PadMode;
using layers::Size2;
namespace {

std::string refusal(const WeightFile& file, const ModelConfig& config) {
  return error_of<base::WeightError>([&] { require_fit(file, config); });
}

TEST(SavedWindows, AConfigOfOtherWindowsDoesNotFitSwinV2) {
  for (const char* keys : {"official_swin_v2", "torchvision_swin_v2"}) {
    const WeightFile file = to_official(read_keys(keys), "file");
    ModelConfig config = config_of("swin_v2");
    EXPECT_NO_THROW(require_fit(file, config)) << keys;
    config.window_size = {4, 4};
    EXPECT_THAT(refusal(file, config),
                AllOf(HasSubstr("layers.0.blocks.0.attn."), HasSubstr("of windows of 3 × 3"),
                      HasSubstr("expected that of windows of 4 × 4"), HasSubstr("--init")));
    config = config_of("swin_v2");
    config.pretrained_window_sizes = {2, 3};
    EXPECT_THAT(refusal(file, config), HasSubstr("windows of 3 × 3 with coordinates of 2 × 2"));
  }
}

TEST(SavedWindows, PretrainedWindowsOfTheFileMustBeTheConfigs) {
  ModelConfig config = config_of("swin_v2");
  config.pretrained_window_sizes = {2, 2};
  const std::vector<NamedArray> arrays = to_official(read_keys("timm_swin_v2"), "file").arrays;
  const WeightFile file = to_official(to_dialect(arrays, Dialect::official, config), "file");
  EXPECT_NO_THROW(require_fit(file, config));
  EXPECT_EQ(saved_windows(file, 1).pretrained, 2);
  config.pretrained_window_sizes = {};
  EXPECT_THAT(refusal(file, config), HasSubstr("of windows of 3 × 3 with coordinates of 2 × 2"));
}

TEST(SavedWindows, RoundedCoordinatesStillFit) {
  WeightFile file = to_official(read_keys("official_swin_v2"), "file");
  for (NamedArray& table : file.derived) {
    if (!table.name.ends_with("relative_coords_table")) continue;
    std::vector<float> values = values_of(table);
    for (float& value : values) value *= 1 + 0x1p-8f;
    table = floats(table.name, table.shape, values);
  }
  EXPECT_NO_THROW(require_fit(file, config_of("swin_v2")));
}

TEST(SavedWindows, TransposedWindowsHaveAnotherIndex) {
  ModelConfig config = config_of("swin");
  config.image_size = {24, 48};
  config.window_size = {3, 6};
  std::vector<NamedArray> arrays = to_official(read_keys("timm_swin"), "file").arrays;
  DistinctValues values;
  for (NamedArray& array : arrays)
    if (array.name.ends_with("relative_position_bias_table"))
      array = values.make(array.name, {5 * 11, array.shape[1]});
  const WeightFile file = to_official(to_dialect(arrays, Dialect::official, config), "file");
  EXPECT_NO_THROW(require_fit(file, config));
  config.image_size = {48, 24};
  config.window_size = {6, 3};
  EXPECT_THAT(refusal(file, config), HasSubstr("relative_position_index"));
}

TEST(SavedWindows, ABackboneNeedsANorm) {
  WeightFile file = to_official(read_keys("official_swin"), "file");
  file.kind = WeightKind::backbone;
  EXPECT_THAT(refusal(file, config_of("swin")), HasSubstr("found no norm0.weight … norm1.weight"));
}

ModelConfig sized(const std::string& model, Size2 image) {
  ModelConfig config = config_of(model);
  config.image_size = image;
  return config;
}

TEST(Conventions, NothingDiffersWhereWindowsDivideTheMaps) {
  for (const char* model : {"swin", "swin_v2"})
    for (const std::string& name : writable_dialects())
      EXPECT_THAT(computed_otherwise(*dialect_named(name), config_of(model)), IsEmpty()) << name;
}

TEST(Conventions, PaddingDiffersByLibrary) {
  // Maps of 10 and 5 tokens: both are padded and rolled.
  ModelConfig config = sized("swin", {20, 20});
  EXPECT_THAT(computed_otherwise(Dialect::timm, config),
              ElementsAre(AllOf(HasSubstr("rolls, then pads in stages 0, 1"),
                                HasSubstr("this model pads, then rolls"))));
  EXPECT_THAT(computed_otherwise(Dialect::torchvision, config), IsEmpty());
  EXPECT_THAT(computed_otherwise(Dialect::huggingface, config), IsEmpty());
  EXPECT_THAT(computed_otherwise(Dialect::official, config), ElementsAre(HasSubstr("refuses")));
  config.pad_mode = PadMode::roll_then_pad;
  EXPECT_THAT(computed_otherwise(Dialect::timm, config), IsEmpty());
  EXPECT_THAT(computed_otherwise(Dialect::torchvision, config), ElementsAre(HasSubstr("pad_mode")));
  config.depths = {1, 1};  // nothing rolls
  EXPECT_THAT(computed_otherwise(Dialect::torchvision, config), IsEmpty());
  config.pad_mode = PadMode::masked;
  EXPECT_THAT(computed_otherwise(Dialect::torchvision, config),
              ElementsAre(HasSubstr("masks what it pads")));
}

TEST(Conventions, DetectorsHaveThoseOfTheirLibrary) {
  DetectorHeads heads;
  for (const Dialect dialect : {Dialect::official, Dialect::mm})
    EXPECT_THAT(computed_otherwise(dialect, heads), IsEmpty());
  EXPECT_THAT(computed_otherwise(Dialect::torchvision, heads),
              ElementsAre(AllOf(HasSubstr("torchvision computes anchors, RoIAlign and masks"),
                                HasSubstr("task.convention")),
                          HasSubstr("`body` is the official SwinTransformer")));
  heads.torchvision = true;
  EXPECT_THAT(computed_otherwise(Dialect::mm, heads),
              ElementsAre(HasSubstr("mmdetection computes anchors")));
  EXPECT_THAT(computed_otherwise(Dialect::torchvision, heads), ElementsAre(HasSubstr("`body`")));
}

TEST(Conventions, SmallMapsDifferByLibrary) {
  const ModelConfig oblong = sized("swin_v2", {12, 24});  // the last map has 3 × 6 tokens
  EXPECT_THAT(computed_otherwise(Dialect::timm, oblong),
              ElementsAre(AllOf(HasSubstr("in stage 1"), HasSubstr("window_shrink"))));
  EXPECT_THAT(computed_otherwise(Dialect::huggingface, oblong), IsEmpty());
  const ModelConfig small = sized("swin_v2", {8, 8});  // 4 × 4, then 2 × 2 tokens
  EXPECT_THAT(computed_otherwise(Dialect::torchvision, small), ElementsAre(HasSubstr("stage 1")));
}

TEST(Conventions, OnlyTheOfficialCodeHasQkScale) {
  ModelConfig config = config_of("swin");
  config.qk_scale = 0.5;
  EXPECT_THAT(computed_otherwise(Dialect::official, config), IsEmpty());
  EXPECT_THAT(computed_otherwise(Dialect::timm, config), ElementsAre(HasSubstr("qk_scale")));
  config = config_of("vit");
  config.qk_scale = 0.5;
  EXPECT_THAT(computed_otherwise(Dialect::huggingface, config), ElementsAre(HasSubstr("qk_scale")));
}

// If load_state_dict(strict=True) of the library would fail, nothing is written.
TEST(Conventions, WhatALibraryCannotHoldIsRefused) {
  const auto refused = [](std::vector<NamedArray> arrays, Dialect dialect, ModelConfig config) {
    return error_of<base::UsageError>([&] { to_dialect(arrays, dialect, config); });
  };
  const std::vector<NamedArray> swin = to_official(read_keys("official_swin"), "file").arrays;
  std::vector<NamedArray> gray = swin;
  DistinctValues values;
  at(gray, "patch_embed.proj.weight") = values.make("patch_embed.proj.weight", {8, 1, 2, 2});
  EXPECT_THAT(refused(gray, Dialect::torchvision, config_of("swin")), HasSubstr("expected 3"));
  EXPECT_NO_THROW(to_dialect(gray, Dialect::timm, config_of("swin")));
  ModelConfig ratios = config_of("swin");
  ratios.mlp_ratios = {2, 4};
  for (const Dialect dialect : {Dialect::torchvision, Dialect::huggingface})
    EXPECT_THAT(refused(swin, dialect, ratios), HasSubstr("mlp_ratio"));
  EXPECT_NO_THROW(to_dialect(swin, Dialect::timm, ratios));
  std::vector<NamedArray> headless = swin;
  remove(headless, "head.");
  EXPECT_THAT(refused(headless, Dialect::torchvision, config_of("swin")),
              HasSubstr("found no head.weight"));

  std::vector<NamedArray> v2 = to_official(read_keys("official_swin_v2"), "file").arrays;
  EXPECT_THAT(refused(v2, Dialect::torchvision, sized("swin_v2", {8, 8})),
              AllOf(HasSubstr("2 × 2 in stage 1"), HasSubstr("keeps its windows")));
  v2.push_back(values.make("absolute_pos_embed", {1, 144, 8}));
  EXPECT_THAT(refused(v2, Dialect::huggingface, config_of("swin_v2")),
              HasSubstr("absolute_pos_embed"));
  // The table is for 3 × 3, but timm has a window of 3 × 6 there.
  ModelConfig oblong = sized("swin", {12, 24});
  oblong.window_size = {3, 6};
  std::vector<NamedArray> tables = swin;
  for (NamedArray& array : tables)
    if (array.name.ends_with("relative_position_bias_table") && array.name.starts_with("layers.0."))
      array = values.make(array.name, {55, 1});
  EXPECT_THAT(refused(tables, Dialect::timm, oblong), HasSubstr("expected 55"));
}

}  // namespace
}  // namespace swin::weights
