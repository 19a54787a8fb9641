// A config is inferred from config.json, too; files of unsupported models are refused.
#include <filesystem>

#include "files/safetensors.h"
#include "tests/support/temporary_directory.h"
#include "tests/weights/dialects_support.h"
#include "weights/adapt.h"

namespace swin::weights {

using layers::ModelConfig;
using layers::Size2;
namespace {

using test::TemporaryDirectory;

// A folder as save_pretrained writes it.
std::string hub_folder(const TemporaryDirectory& directory, const std::string& keys,
                       const std::string& config) {
  files::write_safetensors(directory / "model.safetensors", read_keys(keys));
  std::ofstream(directory / "config.json") << config;
  return directory.path().string();
}

TEST(HubFolder, ConfigJsonSaysWhatWeightsDoNot) {
  const TemporaryDirectory directory;
  const WeightFile file = read_weight_file(
      hub_folder(directory, "huggingface_swin_v2",
                 R"({"window_size": 3, "image_size": [24, 48], "model_type": "swinv2",
                     "pretrained_window_sizes": [2, 0]})"));
  const InferredConfig inferred = infer_model_config(file);
  EXPECT_EQ(inferred.config.window_of(0), (Size2{3, 3}));
  EXPECT_EQ(inferred.config.image_size, (Size2{24, 48}));
  EXPECT_EQ(inferred.config.pretrained_window_sizes, (std::vector<int64_t>{2, 0}));
  EXPECT_THAT(inferred.assumptions, IsEmpty());
  EXPECT_NO_THROW(require_fit(file, inferred.config));
  // A fine-tuning takes the windows from there.
  ModelConfig larger = config_of("swin_v2");
  larger.image_size = {48, 48};
  larger.window_size = {6, 6};
  const PretrainedWindows windows = pretrained_windows(file, std::nullopt, larger);
  EXPECT_TRUE(windows.known);
  EXPECT_EQ(windows.how, "its config.json");
  EXPECT_EQ(windows.sizes, (std::vector<int64_t>{2, 3}));
  // Without config.json they are assumed.
  const WeightFile alone = read_weight_file(directory / "model.safetensors");
  EXPECT_THAT(infer_model_config(alone).assumptions, ::testing::SizeIs(2));
}

TEST(HubFolder, WindowsShrinkWithTheMaps) {
  const TemporaryDirectory directory;  // 12 × 12 and 6 × 6 tokens
  const WeightFile file = read_weight_file(
      hub_folder(directory, "huggingface_swin_v2", R"({"window_size": 12, "image_size": 24})"));
  const PretrainedWindows windows =
      pretrained_windows(file, std::nullopt, infer_model_config(file).config);
  EXPECT_THAT(windows.sizes, IsEmpty());
}

TEST(HubFolder, ConfigJsonSaysTheHeadsOfAVit) {
  const TemporaryDirectory directory;
  const WeightFile file = read_weight_file(
      hub_folder(directory, "huggingface_vit", R"({"num_attention_heads": 4, "image_size": 32})"));
  const InferredConfig inferred = infer_model_config(file);
  EXPECT_EQ(inferred.config.num_heads, (std::vector<int64_t>{4}));
  EXPECT_THAT(inferred.assumptions, IsEmpty());
}

TEST(HubFolder, ConfigJsonThatIsWrongIsNamed) {
  const TemporaryDirectory directory;
  for (const auto& [config, says] : std::map<std::string, std::string>{
           {"{", "config.json:1"},
           {R"({"window_size": "3"})", "config.json: found window_size \"3\""},
           {R"({"window_size": [3, 3]})", "config.json: found window_size a list"},
           {R"({"image_size": 0})", "expected a whole number from 1"},
           {R"({"pretrained_window_sizes": [0, 99999999]})", "from 0 to 65536"}}) {
    const std::string folder = hub_folder(directory, "huggingface_swin_v2", config);
    EXPECT_THAT(error_of<base::WeightError>([&] { read_weight_file(folder); }), HasSubstr(says));
  }
}

TEST(OtherModels, VitVariantsAreRefused) {
  for (const auto& [key, says] :
       std::map<std::string, std::string>{{"reg_token", "register tokens"},
                                          {"dist_token", "distilled DeiT"},
                                          {"blocks.0.ls1.gamma", "LayerScale"},
                                          {"blocks.1.attn.q_norm.weight", "normalizes queries"},
                                          {"norm_pre.weight", "before its blocks"},
                                          {"fc_norm.weight", "cls_token and fc_norm"}}) {
    std::vector<NamedArray> arrays = read_keys("timm_vit");
    arrays.push_back(floats(key, {1}, {0}));
    EXPECT_THAT(error_of<base::WeightError>([&] { to_official(arrays, "file"); }),
                AllOf(HasSubstr(says), HasSubstr("not supported")));
  }
}

TEST(OtherModels, HeadsOfSixtyFourMustDivideAVit) {
  WeightFile file = to_official(read_keys("timm_vit"), "file");
  for (NamedArray& array : file.arrays)
    if (array.name == "patch_embed.proj.weight")
      array = floats(array.name, {100, 3, 1, 1}, std::vector<float>(300));
  EXPECT_THAT(error_of<base::WeightError>([&] { infer_model_config(file); }),
              AllOf(HasSubstr("100 channels"), HasSubstr("--config")));
}

TEST(OtherModels, FeaturesOnlyOfTimmIsTheTrunk) {
  std::vector<NamedArray> arrays = read_keys("timm_swin");
  remove(arrays, "head.");
  const auto expected = bits_of(to_official(arrays, "file").arrays);
  for (NamedArray& array : arrays)
    if (array.name.starts_with("layers.")) array.name[6] = '_';
  const WeightFile file = to_official(arrays, "file");
  EXPECT_EQ(bits_of(file.arrays), expected);
  EXPECT_EQ(file.dialect, Dialect::timm);
  EXPECT_TRUE(file.loaded.back().keys[0].starts_with("layers_") ||
              file.loaded.back().name.starts_with("norm"));
}

}  // namespace
}  // namespace swin::weights
