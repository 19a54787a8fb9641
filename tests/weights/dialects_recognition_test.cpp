// The keys of a file tell its dialect, model and kind.
#include "tests/weights/dialects_support.h"

namespace swin::weights {
namespace {

using layers::WindowShrink;

TEST(Recognition, PatchMergingTellsTimmFromOfficial) {
  std::vector<NamedArray> timm = read_keys("timm_swin"), official = read_keys("official_swin");
  remove(timm, "head.");
  remove(official, "head.");
  EXPECT_EQ(to_official(timm, "file").dialect, Dialect::timm);
  EXPECT_EQ(to_official(official, "file").dialect, Dialect::official);
  EXPECT_NE(to_official(timm, "file").find("layers.0.downsample.norm.weight"), nullptr);
  // Before 0.9 timm had official names.
  std::vector<NamedArray> old = read_keys("official_swin");
  remove(old, "relative_position_index");
  EXPECT_EQ(to_official(old, "file").dialect, Dialect::official);
}

TEST(Recognition, WrappersAreStripped) {
  for (const char* prefix : {"module.", "model.", "_orig_mod.module.", "model._orig_mod."}) {
    std::vector<NamedArray> arrays = read_keys("timm_swin_v2");
    const auto expected = bits_of(to_official(arrays, "file").arrays);
    for (NamedArray& array : arrays) array.name.insert(0, prefix);
    const WeightFile file = to_official(arrays, "file");
    EXPECT_EQ(bits_of(file.arrays), expected) << prefix;
    EXPECT_TRUE(file.loaded[0].keys[0].starts_with(prefix)) << "`loaded` has the keys of the file";
  }
}

TEST(Recognition, OfficialDetectionFile) {
  std::vector<NamedArray> arrays = read_keys("official_swin");
  remove(arrays, "head.");
  for (NamedArray& array : arrays) {
    if (array.name.starts_with("norm.")) array.name.replace(0, 5, "norm1.");
    array.name.insert(0, "backbone.");
  }
  DistinctValues values;
  arrays.push_back(values.make("neck.lateral_convs.0.conv.bias", {4}));
  const WeightFile file = to_official(arrays, "file");
  EXPECT_EQ(file.kind, WeightKind::backbone);
  EXPECT_EQ(file.dialect, Dialect::official);
  EXPECT_THAT(file.skipped, Contains(::testing::Field(&WeightFile::Skipped::key,
                                                      "neck.lateral_convs.0.conv.bias")));
  EXPECT_NO_THROW(require_fit(file, config_of("swin")));
  // Converted to a backbone of the hub and back.
  const std::vector<NamedArray> hub =
      to_dialect(file.arrays, Dialect::huggingface, config_of("swin"));
  EXPECT_THAT(keys_of(hub), AllOf(Contains("hidden_states_norms.stage2.weight"),
                                  Contains("embeddings.norm.weight")));
  EXPECT_EQ(bits_of(to_official(hub, "file").arrays), bits_of(file.arrays));
}

TEST(Recognition, FirstReleaseOfSimMim) {
  std::vector<NamedArray> arrays = read_keys("official_simmim_swin_v2");
  const auto expected = bits_of(to_official(arrays, "file").arrays);
  for (NamedArray& array : arrays)
    if (const size_t found = array.name.find("cpb_mlp"); found != std::string::npos)
      array.name.replace(found, 3, "rpe");
  EXPECT_EQ(bits_of(to_official(arrays, "file").arrays), expected);
}

TEST(Recognition, EncoderOfSimMimIsTheModelWithoutHead) {
  const WeightFile file = to_official(read_keys("official_simmim_swin"), "file");
  EXPECT_NE(file.find("encoder.mask_token"), nullptr);
  WeightFile encoder;
  encoder.where = "file";
  encoder.arrays = encoder_of(file.arrays);
  EXPECT_EQ(encoder.find("mask_token"), nullptr);
  EXPECT_EQ(encoder.arrays.size(), file.arrays.size() - 3);
  EXPECT_NO_THROW(require_fit(encoder, config_of("swin")));
  // Other models are returned unchanged.
  EXPECT_EQ(bits_of(encoder_of(encoder.arrays)), bits_of(encoder.arrays));
}

TEST(Recognition, PoolerAndMissingPrefixOfTheHub) {
  std::vector<NamedArray> arrays = read_keys("huggingface_vit");
  DistinctValues values;
  arrays.push_back(values.make("vit.pooler.dense.weight", {64, 64}));
  const WeightFile file = to_official(arrays, "file");
  EXPECT_THAT(file.skipped,
              Contains(::testing::Field(&WeightFile::Skipped::key, "vit.pooler.dense.weight")));
  // A model without head has no prefix.
  std::vector<NamedArray> bare = read_keys("huggingface_swin");
  remove(bare, "classifier.");
  const auto expected = bits_of(to_official(bare, "file").arrays);
  for (NamedArray& array : bare) array.name.erase(0, 5);
  const WeightFile found = to_official(bare, "file");
  EXPECT_EQ(bits_of(found.arrays), expected);
  EXPECT_EQ(bits_of(to_dialect(found.arrays, Dialect::huggingface, config_of("swin"))),
            bits_of(bare));
}

TEST(WeightFiles, StateDictOfTorchSave) {
  const WeightFile file = read_weight_file(std::string(kKeys) + "torchvision_tiny.pth");
  EXPECT_EQ(file.dialect, Dialect::torchvision);
  EXPECT_EQ(file.format, "pth (zip)");
  const InferredConfig inferred = infer_model_config(file);
  EXPECT_EQ(inferred.config.depths, (std::vector<int64_t>{1, 2}));
  EXPECT_EQ(inferred.config.num_heads, (std::vector<int64_t>{1, 2}));
  EXPECT_EQ(inferred.config.mlp_ratio, 2);
  EXPECT_EQ(inferred.config.num_classes, 3);
  EXPECT_EQ(inferred.config.window_size, (Size2{2, 2}));
  EXPECT_EQ(inferred.config.window_shrink, WindowShrink::never);
  EXPECT_NO_THROW(require_fit(file, inferred.config));
}

}  // namespace
}  // namespace swin::weights
