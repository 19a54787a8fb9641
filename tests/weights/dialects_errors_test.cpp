// Errors: files in no dialect, and models that a library does not have.
#include "tests/weights/dialects_support.h"

namespace swin::weights {
namespace {

using layers::WindowShrink;

TEST(DialectErrors, UnknownDialectShowsKeys) {
  DistinctValues values;
  std::vector<NamedArray> arrays;
  for (const char* name : {"conv1.weight", "bn1.weight", "denseblock1.conv1.weight", "fc.bias"})
    arrays.push_back(values.make(name, {2}));
  EXPECT_THAT(
      error_of<base::WeightError>([&] { to_official(arrays, "other.pth"); }),
      AllOf(HasSubstr("other.pth"), HasSubstr("conv1.weight, bn1.weight, denseblock1.conv1"),
            HasSubstr("official, timm, torchvision, huggingface or mm")));
  EXPECT_THAT(error_of<base::WeightError>([&] { to_official({}, "empty"); }),
              HasSubstr("no arrays"));
}

TEST(DialectErrors, UnexpectedKeyIsNamedWithTheNearest) {
  std::vector<NamedArray> arrays = read_keys("torchvision_swin");
  at(arrays, "features.3.1.attn.proj.bias").name = "features.3.1.attn.porj.bias";
  EXPECT_THAT(error_of<base::WeightError>([&] { to_official(arrays, "file"); }),
              AllOf(HasSubstr("found features.3.1.attn.porj.bias"),
                    HasSubstr("nearest: features.3.1.attn.proj.bias")));
  ReadOptions options;
  options.allow = {"*.porj.*"};
  const WeightFile file = to_official(arrays, "file", options);
  EXPECT_EQ(file.skipped[0].key, "features.3.1.attn.porj.bias");
  // require_fit then finds the parameter missing.
  EXPECT_THAT(error_of<base::WeightError>([&] { require_fit(file, config_of("swin")); }),
              HasSubstr("found no layers.1.blocks.1.attn.proj.bias"));
}

TEST(DialectErrors, PartOfAnArrayIsMissingOrMisshapen) {
  std::vector<NamedArray> arrays = read_keys("huggingface_swin");
  const std::string key = "swin.encoder.layers.1.blocks.0.attention.self.key.weight";
  at(arrays, key) = floats(key, {16, 15}, std::vector<float>(240));
  EXPECT_THAT(error_of<base::WeightError>([&] { to_official(arrays, "file"); }),
              HasSubstr("expected equal shapes"));
  remove(arrays, key);
  EXPECT_THAT(error_of<base::WeightError>([&] { to_official(arrays, "file"); }),
              AllOf(HasSubstr("found no encoder.layers.1.blocks.0.attention.self.key.weight"),
                    HasSubstr("together with")));
  std::vector<NamedArray> v2 = read_keys("torchvision_swin_v2");
  at(v2, "features.1.0.attn.qkv.bias") =
      floats("features.1.0.attn.qkv.bias", {25}, std::vector<float>(25));
  EXPECT_THAT(error_of<base::WeightError>([&] { to_official(v2, "file"); }),
              HasSubstr("expected dim 0 to be a multiple of 3"));
}

TEST(DialectErrors, OneNameTwice) {
  std::vector<NamedArray> arrays = read_keys("official_simmim_swin_v2");
  NamedArray second = at(arrays, "encoder.layers.0.blocks.0.attn.cpb_mlp.2.weight");
  second.name = "encoder.layers.0.blocks.0.attn.rpe_mlp.2.weight";
  arrays.push_back(second);
  EXPECT_THAT(error_of<base::WeightError>([&] { to_official(arrays, "file"); }),
              AllOf(HasSubstr("cpb_mlp.2.weight"), HasSubstr("rpe_mlp.2.weight")));
}

TEST(DialectErrors, LibrariesThatHaveNoSuchModel) {
  const auto refusal = [](std::vector<NamedArray> arrays, Dialect dialect, ModelConfig config) {
    return error_of<base::UsageError>([&] { to_dialect(arrays, dialect, config); });
  };
  const std::vector<NamedArray> swin = to_official(read_keys("official_swin"), "file").arrays;
  EXPECT_THAT(refusal(swin, Dialect::mm, config_of("swin")),
              HasSubstr("a backbone, a segmenter or a detector"));
  const std::vector<NamedArray> mlp = to_official(read_keys("official_swin_mlp"), "file").arrays;
  EXPECT_THAT(refusal(mlp, Dialect::timm, config_of("swin_mlp")), HasSubstr("Swin-MLP"));
  std::vector<NamedArray> ape = swin;
  DistinctValues values;
  ape.push_back(values.make("absolute_pos_embed", {1, 144, 8}));
  EXPECT_THAT(refusal(ape, Dialect::torchvision, config_of("swin")),
              AllOf(HasSubstr("absolute_pos_embed"), HasSubstr("--dialect official")));
  std::vector<NamedArray> bare = swin;
  remove(bare, "patch_embed.norm.");
  EXPECT_THAT(refusal(bare, Dialect::timm, config_of("swin")),
              HasSubstr("found no patch_embed.norm.weight"));
  // Windows of 3 and 2 tokens: torchvision has one window size.
  ModelConfig shrunk = config_of("swin");
  shrunk.image_size = {8, 8};
  std::vector<NamedArray> tables = swin;
  for (NamedArray& array : tables)
    if (array.name.ends_with("relative_position_bias_table") && array.name.starts_with("layers.1."))
      array = values.make(array.name, {9, 2});
  EXPECT_THAT(refusal(tables, Dialect::torchvision, shrunk),
              AllOf(HasSubstr("9 rows"), HasSubstr("keeps its windows")));
  EXPECT_NO_THROW(to_dialect(tables, Dialect::official, shrunk));
  shrunk.window_shrink = WindowShrink::never;
  shrunk.window_sizes = {{3, 3}, {2, 2}};
  EXPECT_THAT(refusal(tables, Dialect::huggingface, shrunk), HasSubstr("stage to stage"));
}

TEST(DialectErrors, HugeTablesAreRefused) {
  ModelConfig config = config_of("swin_v2");
  config.window_size = {65, 65};
  config.image_size = {1040, 1040};
  const std::vector<NamedArray> arrays = to_official(read_keys("timm_swin_v2"), "file").arrays;
  EXPECT_THAT(error_of<base::UsageError>([&] { to_dialect(arrays, Dialect::official, config); }),
              HasSubstr("65 × 65"));
  EXPECT_NO_THROW(to_dialect(arrays, Dialect::timm, config));
}

TEST(DialectErrors, TooManyStagesAreRefused) {
  WeightFile file = to_official(read_keys("official_swin"), "file");
  for (int stage = 2; stage < 70; ++stage) {  // 8 << 69 channels would overflow
    NamedArray array = file.arrays[0];
    array.name = "layers." + std::to_string(stage) + ".blocks.0.mlp.fc1.weight";
    file.arrays.push_back(array);
  }
  EXPECT_THAT(error_of<base::WeightError>([&] { infer_model_config(file); }),
              HasSubstr("70 stages"));
}

TEST(DialectErrors, ShapesThatFitNoModelAreRefused) {
  WeightFile file = to_official(read_keys("official_swin"), "file");
  remove(file.arrays, "layers.0.blocks.0.mlp.fc1");
  EXPECT_THAT(error_of<base::WeightError>([&] { infer_model_config(file); }),
              AllOf(HasSubstr("layers.0.blocks.0.mlp.fc1.weight"), HasSubstr("--config")));
  file = to_official(read_keys("official_swin"), "file");
  for (NamedArray& array : file.arrays)
    if (array.name.ends_with("relative_position_bias_table"))
      array = floats(array.name, {15, 1}, std::vector<float>(15));
  EXPECT_THAT(error_of<base::WeightError>([&] { infer_model_config(file); }),
              HasSubstr("not square"));
}

}  // namespace
}  // namespace swin::weights
