// What dialects do to numbers, what they recognize, and what they refuse.
#include <numeric>

#include "tests/weights/dialects_support.h"
#include "weights/dialects_derived.h"
#include "weights/dialects_patterns.h"

namespace swin::weights {

using layers::ModelConfig;
using layers::Size2;
using layers::WindowShrink;
namespace {

// ---- what is done to the numbers

TEST(DialectNumbers, QueryKeyAndValueAreTheThirdsOfQkv) {
  std::vector<NamedArray> arrays = read_keys("huggingface_swin");
  const std::string self = "swin.encoder.layers.0.blocks.1.attention.self.";
  std::vector<float> expected;
  for (const char* part : {"query.bias", "key.bias", "value.bias"}) {
    const std::vector<float> values = values_of(at(arrays, self + part));
    expected.insert(expected.end(), values.begin(), values.end());
  }
  const WeightFile file = to_official(arrays, "file");
  EXPECT_EQ(values_of(*file.find("layers.0.blocks.1.attn.qkv.bias")), expected);
}

TEST(DialectNumbers, TorchvisionsKeyBiasIsDroppedAndSaid) {
  std::vector<NamedArray> arrays = read_keys("torchvision_swin_v2");
  const std::string key = "features.3.0.attn.qkv.bias";
  std::vector<float> bias(48);
  std::iota(bias.begin(), bias.end(), 1.0f);
  at(arrays, key) = floats(key, {48}, bias);
  const WeightFile file = to_official(arrays, "file");
  const std::string block = "layers.1.blocks.0.attn.";
  EXPECT_EQ(values_of(*file.find(block + "q_bias")),
            std::vector<float>(bias.begin(), bias.begin() + 16));
  EXPECT_EQ(values_of(*file.find(block + "v_bias")),
            std::vector<float>(bias.begin() + 32, bias.end()));
  EXPECT_THAT(file.notes, ElementsAre(AllOf(HasSubstr(key), HasSubstr("keys was dropped"))));

  std::vector<NamedArray> written =
      to_dialect(file.arrays, Dialect::torchvision, config_of("swin_v2"));
  std::fill(bias.begin() + 16, bias.begin() + 32, 0.0f);
  EXPECT_EQ(values_of(at(written, key)), bias);
}

// An official file under the names of mmdetection, its patch merging in the order of nn.Unfold.
std::vector<NamedArray> as_mm(const std::string& model) {
  const WeightFile file = to_official(read_keys("official_" + model), "file");
  std::vector<NamedArray> arrays;
  const auto replace = [](std::string& name, const std::string& from, const std::string& to) {
    const size_t found = name.find(from);
    if (found != std::string::npos) name.replace(found, from.size(), to);
  };
  for (NamedArray array : file.arrays) {
    std::string& name = array.name;
    const bool merging = name.find("downsample") != std::string::npos;
    if (merging && (model == "swin" || name.ends_with("reduction.weight"))) {
      const auto last = static_cast<size_t>(array.shape.back()), channels = last / 4;
      const std::vector<float> official = values_of(array);
      std::vector<float> unfolded(official.size());
      for (size_t line = 0; line < official.size() / last; ++line)
        for (size_t channel = 0; channel < channels; ++channel) {
          // rows first: (0,0), (0,1), (1,0), (1,1); official columns first
          const size_t order[] = {0, 2, 1, 3};
          for (size_t place = 0; place < 4; ++place)
            unfolded[line * last + channel * 4 + place] =
                official[line * last + order[place] * channels + channel];
        }
      array = floats(name, array.shape, unfolded);
    }
    if (merging && model == "swin_v2") replace(name, "layers.0", "layers.1");
    replace(name, "layers.", "stages.");
    replace(name, ".attn.", ".attn.w_msa.");
    replace(name, "mlp.fc1", "ffn.layers.0.0");
    replace(name, "mlp.fc2", "ffn.layers.1");
    replace(name, "patch_embed.proj", "patch_embed.projection");
    name.insert(0, "backbone.");
    replace(name, "backbone.norm.", "backbone.norm1.");
    replace(name, "backbone.head.", "head.fc.");
    arrays.push_back(array);
  }
  arrays.push_back(
      index_of_windows("backbone.stages.0.blocks.0.attn.w_msa.relative_position_index", {9, 9}));
  return arrays;
}

class Mm : public ::testing::TestWithParam<const char*> {};
INSTANTIATE_TEST_SUITE_P(Models, Mm, ::testing::Values("swin", "swin_v2"));

TEST_P(Mm, ClassifierBecomesTheOfficialOne) {
  const WeightFile expected = to_official(read_keys("official_" + std::string(GetParam())), "file");
  const WeightFile file = to_official(as_mm(GetParam()), "mm.pth");
  EXPECT_EQ(file.dialect, Dialect::mm);
  EXPECT_EQ(file.model, GetParam());
  EXPECT_EQ(file.kind, WeightKind::model);
  EXPECT_EQ(bits_of(file.arrays), bits_of(expected.arrays));
  ASSERT_EQ(file.skipped.size(), 1u);
  EXPECT_EQ(file.skipped[0].key, "backbone.stages.0.blocks.0.attn.w_msa.relative_position_index");
}

TEST_P(Mm, DetectorGivesItsBackbone) {
  std::vector<NamedArray> arrays = as_mm(GetParam());
  remove(arrays, "head.fc.");
  Numbers numbers;
  arrays.push_back(numbers.make("backbone.norm0.weight", {8}));
  arrays.push_back(numbers.make("backbone.norm0.bias", {8}));
  arrays.push_back(numbers.make("neck.fpn_convs.0.conv.weight", {4, 8, 3, 3}));
  arrays.push_back(numbers.make("rpn_head.rpn_cls.bias", {3}));
  const WeightFile file = to_official(arrays, "mm.pth");
  EXPECT_EQ(file.kind, WeightKind::backbone);
  EXPECT_NE(file.find("norm0.weight"), nullptr);
  EXPECT_NE(file.find("norm1.bias"), nullptr);
  EXPECT_EQ(file.find("norm.weight"), nullptr);
  std::vector<std::string> skipped;
  for (const auto& entry : file.skipped)
    if (entry.reason == "not of the backbone") skipped.push_back(entry.key);
  EXPECT_THAT(skipped, ElementsAre("neck.fpn_convs.0.conv.weight", "rpn_head.rpn_cls.bias"));
  EXPECT_NO_THROW(require_fit(file, config_of(GetParam())));
}

TEST(DialectNumbers, HalfPrecisionStaysWhatItIs) {
  std::vector<NamedArray> arrays = read_keys("huggingface_swin_v2");
  for (NamedArray& array : arrays) {  // the upper halves of float32 are bfloat16
    auto halves = std::make_shared<std::vector<std::byte>>();
    for (size_t i = 0; i < array.bytes.size(); i += 4)
      halves->insert(halves->end(), {array.bytes[i + 2], array.bytes[i + 3]});
    array.dtype = files::DType::bf16;
    array.bytes = *halves;
    array.owner = std::move(halves);
  }
  const WeightFile file = to_official(arrays, "file");
  EXPECT_NO_THROW(require_fit(file, config_of("swin_v2")));
  const std::vector<NamedArray> tv =
      to_dialect(file.arrays, Dialect::torchvision, config_of("swin_v2"));
  const std::vector<NamedArray> back =
      to_dialect(to_official(tv, "file").arrays, Dialect::huggingface, config_of("swin_v2"));
  EXPECT_EQ(bits_of(back), bits_of(arrays));
}

TEST(DialectNumbers, OfficialFileIsNotCopied) {
  const std::vector<NamedArray> arrays = read_keys("official_swin");
  const WeightFile file = to_official(arrays, "file");
  for (const NamedArray& array : file.arrays)
    EXPECT_EQ(array.bytes.data(), std::find_if(arrays.begin(), arrays.end(), [&](const auto& a) {
                                    return a.name == array.name;
                                  })->bytes.data());
}

// ---- derived tables

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

TEST(DerivedTables, MaskOfFourByFour) {
  const std::vector<float> mask = attention_mask({4, 4}, {2, 2}, {1, 1});
  ASSERT_EQ(mask.size(), 4u * 4 * 4);
  const std::vector<float> second(mask.begin() + 16, mask.begin() + 20);
  EXPECT_THAT(std::vector<float>(mask.begin(), mask.begin() + 16), ::testing::Each(0));
  EXPECT_THAT(second, ElementsAre(0, -100, 0, -100));
  for (size_t i = 0; i < 16; ++i)  // the last window has four regions
    EXPECT_EQ(mask[48 + i], i % 5 == 0 ? 0 : -100);
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

// ---- recognition

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
    EXPECT_TRUE(file.loaded[0].keys[0].starts_with(prefix)) << "the account has the file's keys";
  }
}

TEST(Recognition, OfficialDetectionFile) {
  std::vector<NamedArray> arrays = read_keys("official_swin");
  remove(arrays, "head.");
  for (NamedArray& array : arrays) {
    if (array.name.starts_with("norm.")) array.name.replace(0, 5, "norm1.");
    array.name.insert(0, "backbone.");
  }
  Numbers numbers;
  arrays.push_back(numbers.make("neck.lateral_convs.0.conv.bias", {4}));
  const WeightFile file = to_official(arrays, "file");
  EXPECT_EQ(file.kind, WeightKind::backbone);
  EXPECT_EQ(file.dialect, Dialect::official);
  EXPECT_THAT(file.skipped, Contains(::testing::Field(&WeightFile::Skipped::key,
                                                      "neck.lateral_convs.0.conv.bias")));
  EXPECT_NO_THROW(require_fit(file, config_of("swin")));
  // To the hub's backbone and back.
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
  // What is no SimMIM is left alone.
  EXPECT_EQ(bits_of(encoder_of(encoder.arrays)), bits_of(encoder.arrays));
}

TEST(Recognition, HubExtras) {
  std::vector<NamedArray> arrays = read_keys("huggingface_vit");
  Numbers numbers;
  arrays.push_back(numbers.make("vit.pooler.dense.weight", {64, 64}));
  const WeightFile file = to_official(arrays, "file");
  EXPECT_THAT(file.skipped,
              Contains(::testing::Field(&WeightFile::Skipped::key, "vit.pooler.dense.weight")));
  // A bare model has no prefix.
  std::vector<NamedArray> bare = read_keys("huggingface_swin");
  remove(bare, "classifier.");
  const auto expected = bits_of(to_official(bare, "file").arrays);
  for (NamedArray& array : bare) array.name.erase(0, 5);
  const WeightFile found = to_official(bare, "file");
  EXPECT_EQ(bits_of(found.arrays), expected);
  EXPECT_EQ(bits_of(to_dialect(found.arrays, Dialect::huggingface, config_of("swin"))),
            bits_of(bare));
}

// ---- errors

TEST(DialectErrors, UnknownDialectShowsKeys) {
  Numbers numbers;
  std::vector<NamedArray> arrays;
  for (const char* name : {"conv1.weight", "bn1.weight", "layer1.0.conv1.weight", "fc.bias"})
    arrays.push_back(numbers.make(name, {2}));
  EXPECT_THAT(error_of<base::WeightError>([&] { to_official(arrays, "resnet.pth"); }),
              AllOf(HasSubstr("resnet.pth"), HasSubstr("conv1.weight, bn1.weight, layer1.0.conv1"),
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
  const std::string allowed[] = {"*.porj.*"};
  const WeightFile file = to_official(arrays, "file", allowed);
  EXPECT_EQ(file.skipped[0].key, "features.3.1.attn.porj.bias");
  // What is then missing is the model's business.
  EXPECT_THAT(error_of<base::WeightError>([&] { require_fit(file, config_of("swin")); }),
              HasSubstr("found no layers.1.blocks.1.attn.proj.bias"));
}

TEST(DialectErrors, PartOfAWholeIsMissingOrOdd) {
  std::vector<NamedArray> arrays = read_keys("huggingface_swin");
  const std::string key = "swin.encoder.layers.1.blocks.0.attention.self.key.weight";
  at(arrays, key) = floats(key, {16, 15}, std::vector<float>(240));
  EXPECT_THAT(error_of<base::WeightError>([&] { to_official(arrays, "file"); }),
              HasSubstr("expected equal shapes"));
  remove(arrays, key);
  EXPECT_THAT(error_of<base::WeightError>([&] { to_official(arrays, "file"); }),
              AllOf(HasSubstr("found no encoder.layers.1.blocks.0.attention.self.key.weight"),
                    HasSubstr("beside")));
  std::vector<NamedArray> v2 = read_keys("torchvision_swin_v2");
  at(v2, "features.1.0.attn.qkv.bias") =
      floats("features.1.0.attn.qkv.bias", {25}, std::vector<float>(25));
  EXPECT_THAT(error_of<base::WeightError>([&] { to_official(v2, "file"); }),
              HasSubstr("a side that 3 divides"));
}

TEST(DialectErrors, OneNameTwice) {
  std::vector<NamedArray> arrays = read_keys("official_simmim_swin_v2");
  NamedArray twin = at(arrays, "encoder.layers.0.blocks.0.attn.cpb_mlp.2.weight");
  twin.name = "encoder.layers.0.blocks.0.attn.rpe_mlp.2.weight";
  arrays.push_back(twin);
  EXPECT_THAT(error_of<base::WeightError>([&] { to_official(arrays, "file"); }),
              AllOf(HasSubstr("cpb_mlp.2.weight"), HasSubstr("rpe_mlp.2.weight")));
}

TEST(DialectErrors, LibrariesThatHaveNoSuchModel) {
  const auto refusal = [](std::vector<NamedArray> arrays, Dialect dialect, ModelConfig config) {
    return error_of<base::UsageError>([&] { to_dialect(arrays, dialect, config); });
  };
  const std::vector<NamedArray> swin = to_official(read_keys("official_swin"), "file").arrays;
  EXPECT_THAT(refusal(swin, Dialect::mm, config_of("swin")), HasSubstr("only read"));
  const std::vector<NamedArray> mlp = to_official(read_keys("official_swin_mlp"), "file").arrays;
  EXPECT_THAT(refusal(mlp, Dialect::timm, config_of("swin_mlp")), HasSubstr("Swin-MLP"));
  std::vector<NamedArray> ape = swin;
  Numbers numbers;
  ape.push_back(numbers.make("absolute_pos_embed", {1, 144, 8}));
  EXPECT_THAT(refusal(ape, Dialect::torchvision, config_of("swin")),
              AllOf(HasSubstr("absolute_pos_embed"), HasSubstr("--dialect official")));
  std::vector<NamedArray> bare = swin;
  remove(bare, "patch_embed.norm.");
  EXPECT_THAT(refusal(bare, Dialect::timm, config_of("swin")),
              HasSubstr("found no patch_embed.norm.weight"));
  // Windows of 4 and 2 tokens: torchvision has one size.
  ModelConfig shrunk = config_of("swin");
  shrunk.image_size = {8, 8};
  std::vector<NamedArray> tables = swin;
  for (NamedArray& array : tables)
    if (array.name.ends_with("relative_position_bias_table") && array.name.starts_with("layers.1."))
      array = numbers.make(array.name, {9, 2});
  EXPECT_THAT(refusal(tables, Dialect::torchvision, shrunk),
              AllOf(HasSubstr("9 rows"), HasSubstr("keeps its windows")));
  EXPECT_NO_THROW(to_dialect(tables, Dialect::official, shrunk));
  shrunk.window_shrink = WindowShrink::never;
  shrunk.window_sizes = {{3, 3}, {2, 2}};
  EXPECT_THAT(refusal(tables, Dialect::huggingface, shrunk), HasSubstr("stage to stage"));
}

TEST(DialectErrors, TablesBeyondMeasure) {
  ModelConfig config = config_of("swin_v2");
  config.window_size = {65, 65};
  config.image_size = {1040, 1040};
  const std::vector<NamedArray> arrays = to_official(read_keys("timm_swin_v2"), "file").arrays;
  EXPECT_THAT(error_of<base::UsageError>([&] { to_dialect(arrays, Dialect::official, config); }),
              HasSubstr("65 × 65"));
  EXPECT_NO_THROW(to_dialect(arrays, Dialect::timm, config));
}

TEST(DialectErrors, StagesBeyondMeasure) {
  WeightFile file = to_official(read_keys("official_swin"), "file");
  for (int stage = 2; stage < 70; ++stage) {  // 8 << 69 is no number of channels
    NamedArray array = file.arrays[0];
    array.name = "layers." + std::to_string(stage) + ".blocks.0.mlp.fc1.weight";
    file.arrays.push_back(array);
  }
  EXPECT_THAT(error_of<base::WeightError>([&] { infer_model_config(file); }),
              HasSubstr("70 stages"));
}

TEST(DialectErrors, ShapesThatTellNothing) {
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

// ---- files

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

// ---- patterns

TEST(Patterns, MatchAndFillAreInverse) {
  Binding binding;
  EXPECT_TRUE(match("features.{2i+1}.{j}.norm1.{p}", "features.5.17.norm1.bias", binding));
  EXPECT_EQ(binding.numbers[0], 2);
  EXPECT_EQ(binding.numbers[1], 17);
  EXPECT_EQ(binding.leaf, 1);
  EXPECT_EQ(fill("layers.{i}.blocks.{j}.norm1.{p}", binding), "layers.2.blocks.17.norm1.bias");
  EXPECT_EQ(fill("features.{2i+1}.{j}.norm1.{p}", binding), "features.5.17.norm1.bias");
  EXPECT_TRUE(match("layers.{i+1}.downsample.{p}", "layers.1.downsample.weight", binding));
  EXPECT_EQ(binding.numbers[0], 0);
  for (const char* text :
       {"features.4.0.norm1.bias", "features.5.x.norm1.bias", "features.5.0.norm1.biases",
        "features.5.0.norm1.", "features.05.0.norm1.bias", "features.5.0.norm2.bias", "",
        "features.99999999999999999999999.0.norm1.bias"})
    EXPECT_FALSE(match("features.{2i+1}.{j}.norm1.{p}", text, binding)) << text;
  EXPECT_FALSE(match("layers.{i+1}.downsample.{p}", "layers.0.downsample.weight", binding));
}

TEST(Patterns, FillLikeTakesTheNumbersAsTheyAre) {
  EXPECT_EQ(fill_like("features.{2i+1}.{j}.norm1.{p}", "features.4.12.morn1.bias"),
            "features.4.12.norm1.bias");
  EXPECT_EQ(fill_like("layers.{i}.blocks.{j}.attn.{p}", "layers.x"),
            "layers.0.blocks.0.attn.weight");
}

TEST(Patterns, GlobAndDistance) {
  EXPECT_TRUE(glob("*.relative_*_index", "a.b.relative_position_index"));
  EXPECT_TRUE(glob("*", ""));
  EXPECT_TRUE(glob("a*b*c", "aXbYbZc"));
  EXPECT_FALSE(glob("a*b", "abc"));
  EXPECT_FALSE(glob("", "a"));
  EXPECT_EQ(edit_distance("kitten", "sitting"), 3);
  EXPECT_EQ(edit_distance("", "abc"), 3);
}

}  // namespace
}  // namespace swin::weights
