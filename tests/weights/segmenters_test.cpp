// UPerNet on Swin in the names of Hugging Face and of both generations of mmsegmentation.
#include "base/json.h"
#include "tests/weights/dialects_support.h"
#include "weights/hub_write.h"
#include "weights/published_preprocess.h"
#include "weights/segmenter_names.h"

namespace swin::weights {
namespace {

struct Listed {
  const char* file;
  Dialect dialect;
  const char* written;  // the list of what to_dialect writes
};
void PrintTo(const Listed& listed, std::ostream* out) { *out << listed.file; }

constexpr Dialect kLibraries[] = {Dialect::official, Dialect::huggingface, Dialect::mm};

std::string list_of(Dialect dialect) { return name_of(dialect) + std::string("_upernet"); }

// What a file of a library has; transformers 4 needs the index, transformers 5 ignores it.
std::map<std::string, std::string> shapes_in(const std::string& list) {
  std::map<std::string, std::string> shapes = shapes_of(read_keys(list));
  if (list == "huggingface_upernet")
    for (const auto& [i, j] : {std::pair{0, 0}, {1, 0}, {1, 1}, {2, 0}, {3, 0}})
      shapes["backbone.encoder.layers." + std::to_string(i) + ".blocks." + std::to_string(j) +
             ".attention.self.relative_position_index"] = "i64(9, 9)";
  // Hugging Face's backbone has a norm that it does not use; a file may lack it.
  std::erase_if(shapes, [](const auto& entry) {
    return entry.first.find("swin.layernorm") != std::string::npos ||
           entry.first.find("backbone.layernorm") != std::string::npos;
  });
  return shapes;
}

class Segmenters : public ::testing::TestWithParam<Listed> {};

INSTANTIATE_TEST_SUITE_P(
    Dialects, Segmenters,
    ::testing::Values(Listed{"official_upernet", Dialect::official, "official_upernet"},
                      Listed{"mm_upernet", Dialect::mm, "mm_upernet"},
                      Listed{"huggingface_upernet", Dialect::huggingface, "huggingface_upernet"},
                      Listed{"huggingface_memory_upernet", Dialect::huggingface,
                             "huggingface_upernet"}),
    [](const auto& test) { return std::string(test.param.file); });

TEST_P(Segmenters, AreRecognizedAndEveryKeyIsAccountedFor) {
  const std::vector<NamedArray> arrays = read_keys(GetParam().file);
  const WeightFile file = to_official(arrays, "file");
  EXPECT_EQ(file.dialect, GetParam().dialect);
  EXPECT_EQ(file.kind, WeightKind::segmenter);
  EXPECT_EQ(file.model, "swin");
  EXPECT_THAT(file.notes, IsEmpty());
  EXPECT_NO_THROW(require_complete(file));
  ASSERT_TRUE(file.class_rows());
  EXPECT_EQ(file.class_rows()->shape, (std::vector<int64_t>{5, 6, 1, 1}));
  std::vector<std::string> accounted;
  for (size_t i = 0; i < file.loaded.size(); ++i) {
    EXPECT_EQ(file.loaded[i].name, file.arrays[i].name);
    for (const std::string& key : file.loaded[i].keys) accounted.push_back(key);
  }
  for (const WeightFile::Skipped& skipped : file.skipped) {
    EXPECT_TRUE(is_derived_table(skipped.key) || is_batch_count(skipped.key) ||
                skipped.reason == "not used by a backbone")
        << skipped.key;
    accounted.push_back(skipped.key);
  }
  std::sort(accounted.begin(), accounted.end());
  EXPECT_EQ(accounted, keys_of(arrays));
}

TEST_P(Segmenters, HaveTheNamesAndShapesOfTheFirstGeneration) {
  std::map<std::string, std::string> expected = shapes_of(read_keys("official_upernet"));
  std::erase_if(expected, [](const auto& entry) {
    return is_derived_table(entry.first) || is_batch_count(entry.first);
  });
  EXPECT_EQ(shapes_of(to_official(read_keys(GetParam().file), "file").arrays), expected);
}

TEST_P(Segmenters, AreWrittenAsTheirLibraryKeepsThem) {
  const std::vector<NamedArray> arrays = read_keys(GetParam().file);
  const WeightFile file = to_official(arrays, "file");
  const std::vector<NamedArray> written =
      to_dialect(file.arrays, GetParam().dialect, config_of("upernet"));
  EXPECT_EQ(shapes_of(written), shapes_in(GetParam().written));
  if (GetParam().file != std::string(GetParam().written)) return;
  auto bits = bits_of(arrays);
  std::erase_if(
      bits, [](const auto& entry) { return entry.first.find("layernorm.") != std::string::npos; });
  EXPECT_EQ(bits_of(written), bits);
}

TEST_P(Segmenters, GoToEveryLibraryAndBackBitForBit) {
  const WeightFile file = to_official(read_keys(GetParam().file), "file");
  for (const Dialect target : kLibraries) {
    const std::vector<NamedArray> written = to_dialect(file.arrays, target, config_of("upernet"));
    EXPECT_EQ(shapes_of(written), shapes_in(list_of(target)));
    const WeightFile back = to_official(written, "back");
    EXPECT_EQ(back.dialect, target);
    EXPECT_EQ(bits_of(back.arrays), bits_of(file.arrays)) << name_of(target);
  }
  for (const Dialect other : {Dialect::timm, Dialect::torchvision})
    EXPECT_THROW(to_dialect(file.arrays, other, config_of("upernet")), base::UsageError);
}

TEST_P(Segmenters, LieUnderAnyPrefixBesideOtherArrays) {
  const auto expected = bits_of(to_official(read_keys(GetParam().file), "file").arrays);
  for (const std::string prefix : {"module.", "model.", "net.segmenter."}) {
    std::vector<NamedArray> arrays = read_keys(GetParam().file);
    for (NamedArray& array : arrays) array.name.insert(0, prefix);
    arrays.push_back(floats("criterion.weight", {2}, {1, 2}));
    const WeightFile file = to_official(arrays, "file");
    EXPECT_EQ(file.kind, WeightKind::segmenter);
    EXPECT_EQ(bits_of(file.arrays), expected) << prefix;
    remove(arrays, "fpn_convs.1.conv.weight");
    EXPECT_THAT(missing_in(arrays), ElementsAre(prefix + "decode_head.fpn_convs.1.conv.weight"));
  }
}

TEST_P(Segmenters, MayLackTheAuxiliaryHeadAsAWhole) {
  std::vector<NamedArray> arrays = read_keys(GetParam().file);
  remove(arrays, "auxiliary_head.convs.");
  const bool hub = GetParam().dialect == Dialect::huggingface;
  EXPECT_THAT(missing_in(arrays), Contains(std::string("auxiliary_head.convs.0.") +
                                           (hub ? "batch_norm" : "bn") + ".running_var"));
  remove(arrays, "auxiliary_head.");
  const WeightFile file = to_official(arrays, "file");
  EXPECT_EQ(file.kind, WeightKind::segmenter);
  EXPECT_THAT(file.missing, IsEmpty());
  EXPECT_EQ(infer_model_config(file).heads->auxiliary_channels, 0);
}

TEST_P(Segmenters, ShapesTellTheModelAndItsHeads) {
  const WeightFile file = to_official(read_keys(GetParam().file), "file");
  const InferredConfig inferred = infer_model_config(file);
  const ModelConfig expected = config_of("upernet");
  EXPECT_EQ(inferred.config.depths, expected.depths);
  EXPECT_EQ(inferred.config.num_heads, expected.num_heads);
  EXPECT_EQ(inferred.config.embed_dim, 8);
  EXPECT_EQ(inferred.config.num_classes, 5);
  EXPECT_EQ(inferred.config.window_size, (Size2{3, 3}));
  EXPECT_TRUE(inferred.config.window_sizes.empty());
  EXPECT_EQ(inferred.config.image_size, (Size2{512, 512}));
  ASSERT_TRUE(inferred.heads);
  EXPECT_EQ(inferred.heads->channels, 6);
  EXPECT_EQ(inferred.heads->pool_scales, (std::vector<int64_t>{1, 2, 3, 6}));
  EXPECT_EQ(inferred.heads->auxiliary_channels, 4);
  EXPECT_FALSE(inferred.heads->group_norm);
  EXPECT_THAT(inferred.assumptions,
              ElementsAre(HasSubstr("image_size 512 × 512"), HasSubstr("pool_scales 1 2 3 6")));
}

TEST(SegmenterNames, PartsOfEveryKindAreMissed) {
  for (const char* part :
       {"backbone.norm2.weight", "backbone.layers.1.blocks.1.norm1.bias",
        "backbone.layers.0.downsample.reduction.weight", "decode_head.psp_modules.2.1.bn.weight",
        "decode_head.bottleneck.conv.weight", "decode_head.lateral_convs.2.bn.running_mean",
        "decode_head.fpn_bottleneck.bn.running_var", "decode_head.conv_seg.bias",
        "auxiliary_head.conv_seg.weight"}) {
    std::vector<NamedArray> arrays = read_keys("official_upernet");
    remove(arrays, part);
    const WeightFile file = to_official(arrays, "file");
    ASSERT_EQ(file.missing.size(), 1u) << part;
    EXPECT_EQ(file.missing[0].name, part);
    EXPECT_EQ(file.missing[0].key, part);
    EXPECT_THAT(error_of<base::WeightError>([&] { require_complete(file); }),
                HasSubstr(std::string("found no ") + part));
  }
  // A whole convolution of a stage.
  std::vector<NamedArray> arrays = read_keys("mm_upernet");
  remove(arrays, "lateral_convs.2.");
  EXPECT_EQ(missing_in(arrays).size(), 5u);
}

TEST(SegmenterNames, OthersAreRefusedWithTheNearest) {
  std::vector<NamedArray> arrays = read_keys("official_upernet");
  arrays.push_back(floats("decode_head.fpn_conv.1.conv.weight", {1}, {1}));
  EXPECT_THAT(read_error(arrays), HasSubstr("found decode_head.fpn_conv.1.conv.weight (nearest: "
                                            "decode_head.fpn_convs.1.conv.weight)"));
  arrays = read_keys("huggingface_upernet");
  at(arrays, "decode_head.classifier.bias").name = "decode_head.classifer.bias";
  EXPECT_THAT(read_error(arrays), HasSubstr("(nearest: decode_head.classifier.bias)"));
}

TEST(SegmenterNames, WithAnotherHeadTheBackboneIsRead) {
  for (const Dialect dialect : kLibraries) {
    std::vector<NamedArray> arrays = read_keys(list_of(dialect));
    std::erase_if(arrays, [](const NamedArray& array) { return is_segmenter_head(array.name); });
    arrays.push_back(floats("decode_head.linear_c.0.weight", {1}, {1}));
    const WeightFile file = to_official(arrays, "file");
    EXPECT_EQ(file.kind, WeightKind::backbone);
    EXPECT_FALSE(file.class_rows());
    EXPECT_EQ(file.skipped.front().key, "decode_head.linear_c.0.weight");
    EXPECT_EQ(file.skipped.front().reason, "not of the backbone");
    // A backbone alone goes to every library, too.
    for (const Dialect target : kLibraries) {
      const auto written = to_dialect(file.arrays, target, config_of("upernet"));
      EXPECT_EQ(bits_of(to_official(written, "back").arrays), bits_of(file.arrays));
      for (const NamedArray& array : written)
        EXPECT_EQ(array.name.find("attn_mask"), std::string::npos);
    }
  }
}

TEST(SegmenterNames, PatchMergingOfTheSecondGenerationIsInUnfoldsOrder) {
  const WeightFile file = to_official(read_keys("official_upernet"), "file");
  std::vector<NamedArray> written = to_dialect(file.arrays, Dialect::mm, config_of("upernet"));
  for (const char* name : {"downsample.norm.bias", "downsample.reduction.weight"}) {
    const auto ours = values_of(*file.find(std::string("backbone.layers.1.") + name));
    const auto theirs = values_of(at(written, std::string("backbone.stages.1.") + name));
    const size_t channels = 16;
    ASSERT_EQ(ours.size(), theirs.size());
    for (size_t line = 0; line < ours.size() / (4 * channels); ++line)
      for (size_t row = 0; row < 2; ++row)
        for (size_t column = 0; column < 2; ++column)
          for (size_t c = 0; c < channels; ++c)
            ASSERT_EQ(theirs[line * 4 * channels + c * 4 + row * 2 + column],
                      ours[line * 4 * channels + (column * 2 + row) * channels + c]);
  }
}

TEST(SegmenterNames, GroupNormIsOfMmsegmentationAlone) {
  std::vector<NamedArray> arrays = read_keys("official_upernet");
  remove(arrays, ".bn.running_");
  remove(arrays, "num_batches_tracked");
  for (NamedArray& array : arrays)
    if (const size_t at = array.name.find(".bn."); at != std::string::npos)
      array.name.replace(at, 4, ".gn.");
  const WeightFile file = to_official(arrays, "file");
  EXPECT_THAT(file.missing, IsEmpty());
  EXPECT_TRUE(infer_model_config(file).heads->group_norm);
  const auto written = to_dialect(file.arrays, Dialect::mm, config_of("upernet"));
  EXPECT_EQ(bits_of(to_official(written, "back").arrays), bits_of(file.arrays));
  EXPECT_THAT(error_of<base::UsageError>(
                  [&] { to_dialect(file.arrays, Dialect::huggingface, config_of("upernet")); }),
              HasSubstr(".gn.weight"));
  remove(arrays, "bottleneck.gn.bias");
  EXPECT_THAT(missing_in(arrays),
              ElementsAre("decode_head.bottleneck.gn.bias", "decode_head.fpn_bottleneck.gn.bias"));
}

TEST(SegmenterNames, PositionsOfTheFirstGenerationAreAMap) {
  ModelConfig config = config_of("upernet");
  config.ape = true;
  config.image_size = {6, 8};  // patches of 3 × 4
  std::vector<float> map(8 * 12), rows(8 * 12);
  for (size_t c = 0; c < 8; ++c)
    for (size_t p = 0; p < 12; ++p)
      map[c * 12 + p] = rows[p * 8 + c] = static_cast<float>(100 * c + p);
  std::vector<NamedArray> arrays = read_keys("official_upernet");
  arrays.push_back(floats("backbone.absolute_pos_embed", {1, 8, 3, 4}, map));
  const WeightFile file = to_official(arrays, "file");
  const NamedArray* found = file.find("backbone.absolute_pos_embed");
  ASSERT_TRUE(found);
  EXPECT_EQ(found->shape, (std::vector<int64_t>{1, 12, 8}));
  EXPECT_EQ(values_of(*found), rows);
  auto written = to_dialect(file.arrays, Dialect::official, config);
  EXPECT_EQ(at(written, "backbone.absolute_pos_embed").shape, (std::vector<int64_t>{1, 8, 3, 4}));
  EXPECT_EQ(values_of(at(written, "backbone.absolute_pos_embed")), map);
  written = to_dialect(file.arrays, Dialect::mm, config);
  EXPECT_EQ(values_of(at(written, "backbone.absolute_pos_embed")), rows);
  config.image_size = {8, 8};
  EXPECT_THAT(
      error_of<base::UsageError>([&] { to_dialect(file.arrays, Dialect::official, config); }),
      AllOf(HasSubstr("absolute_pos_embed of (1, 12, 8)"), HasSubstr("4 × 4 patches")));
}

TEST(SegmenterNames, WindowsAreNeverThoseOfASmallMap) {
  ModelConfig config = config_of("upernet");
  config.image_size = {8, 8};  // maps of 4, 2, 1, 1 tokens
  const WeightFile file = to_official(read_keys("official_upernet"), "file");
  const auto written = to_dialect(file.arrays, Dialect::official, config);
  EXPECT_EQ(shapes_of(written), shapes_in("official_upernet"));
}

TEST(SegmenterNames, MmHasBackbonesSegmentersAndDetectorsAlone) {
  for (const char* list : {"official_swin", "official_simmim_swin", "timm_vit"}) {
    const WeightFile file = to_official(read_keys(list), "file");
    EXPECT_THAT(
        error_of<base::UsageError>(
            [&] { to_dialect(file.arrays, Dialect::mm, config_of(file.model)); }),
        AllOf(HasSubstr("--dialect mm"), HasSubstr("a backbone, a segmenter or a detector")));
  }
}

TEST(SegmenterNames, AFileOfPooledMapsOfUnknownSizesNeedsAConfig) {
  std::vector<NamedArray> arrays = read_keys("official_upernet");
  remove(arrays, "psp_modules.3.");
  EXPECT_THAT(error_of<base::WeightError>([&] { infer_model_config(to_official(arrays, "file")); }),
              AllOf(HasSubstr("3 pooled maps of unknown sizes"), HasSubstr("--config")));
  WeightFile file = to_official(arrays, "file");
  file.hub = read_hub_config(R"({"backbone_config": {"image_size": 96, "window_size": 3},
      "pool_scales": [1, 2, 4], "auxiliary_loss_weight": 0.25})",
                             "config.json");
  const InferredConfig inferred = infer_model_config(file);
  EXPECT_EQ(inferred.heads->pool_scales, (std::vector<int64_t>{1, 2, 4}));
  EXPECT_EQ(inferred.heads->auxiliary_weight, 0.25);
  EXPECT_EQ(inferred.config.image_size, (Size2{96, 96}));
  EXPECT_THAT(inferred.assumptions, IsEmpty());
  file.hub.heads.pool_scales = {1, 2};
  EXPECT_THAT(error_of<base::WeightError>([&] { infer_model_config(file); }),
              HasSubstr("3 pooled maps, and 2 pool_scales in config.json"));
}

TEST(SegmenterNames, AnAuxiliaryHeadOfTwoConvolutionsIsLeftOutByName) {
  std::vector<NamedArray> arrays = read_keys("official_upernet");
  DistinctValues values;
  arrays.push_back(values.make("auxiliary_head.convs.1.conv.weight", {4, 4, 3, 3}));
  for (const char* leaf : {"weight", "bias", "running_mean", "running_var"})
    arrays.push_back(values.make(std::string("auxiliary_head.convs.1.bn.") + leaf, {4}));
  const WeightFile file = to_official(arrays, "file");
  EXPECT_THAT(file.missing, IsEmpty());
  EXPECT_THAT(error_of<base::WeightError>([&] { infer_model_config(file); }),
              AllOf(HasSubstr("2 convolutions"), HasSubstr("--allow 'auxiliary_head.*'")));
  ReadOptions options;
  options.allow = {"auxiliary_head.*"};
  EXPECT_EQ(infer_model_config(to_official(arrays, "file", options)).heads->auxiliary_channels, 0);
}

// ---- The folder for transformers

class SegmenterFolder : public ::testing::Test {
 protected:
  base::Json file(const std::string& name) {
    for (const auto& [file, text] :
         hub_files(Dialect::huggingface, config_, &heads_, preprocess_, {"sky", "tree"}, notes_))
      if (file == name) return base::parse_json(text, name);
    ADD_FAILURE() << "no " << name;
    return {};
  }

  ModelConfig config_ = config_of("upernet");
  SegmenterHeads heads_{
      .channels = 6, .pool_scales = {1, 2, 4}, .auxiliary_channels = 4, .auxiliary_weight = 0.25};
  Preprocess preprocess_ = published_segmenter_preprocess(Dialect::huggingface);
  std::vector<std::string> notes_;
};

TEST_F(SegmenterFolder, IsThatOfUperNetAndIsReadBack) {
  const base::Json config = file("config.json");
  EXPECT_EQ(base::to_text(config.at("architectures")), R"(["UperNetForSemanticSegmentation"])");
  EXPECT_EQ(config.at("model_type").as_string(), "upernet");
  EXPECT_EQ(config.at("hidden_size").as_int(), 6);
  EXPECT_EQ(config.at("auxiliary_channels").as_int(), 4);
  EXPECT_EQ(config.at("auxiliary_in_channels").as_int(), 32);
  EXPECT_TRUE(config.at("use_auxiliary_head").as_bool());
  const base::Json& backbone = config.at("backbone_config");
  EXPECT_EQ(backbone.at("model_type").as_string(), "swin");
  EXPECT_EQ(base::to_text(backbone.at("out_features")), R"(["stage1","stage2","stage3","stage4"])");
  EXPECT_EQ(backbone.at("window_size").as_int(), 3);
  EXPECT_FALSE(backbone.find("architectures"));
  EXPECT_FALSE(backbone.find("id2label"));
  const HubConfig read = read_hub_config(base::to_text(config), "config.json");
  EXPECT_EQ(read.image_size, (Size2{64, 64}));
  EXPECT_EQ(read.heads.pool_scales, heads_.pool_scales);
  EXPECT_EQ(read.heads.auxiliary_weight, 0.25);
  EXPECT_THAT(read.class_names, ElementsAre("sky", "tree"));
  const Preprocess images =
      read_processor_config(base::to_text(file("preprocessor_config.json")), "p.json");
  EXPECT_EQ(images.input_size, (Size2{64, 64}));
  EXPECT_EQ(images.interpolation, "bilinear");
  EXPECT_EQ(images.mean, preprocess_.mean);
  EXPECT_THAT(notes_, IsEmpty());
}

TEST_F(SegmenterFolder, WhatTransformersDoesOtherwiseIsSaidOrRefused) {
  preprocess_ = published_segmenter_preprocess(Dialect::mm);
  file("preprocessor_config.json");
  EXPECT_THAT(notes_, Contains(HasSubstr("straight to 64 × 64")));
  const auto refusal = [&] {
    return error_of<base::UsageError>(
        [&] { hub_files(Dialect::huggingface, config_, &heads_, preprocess_, {}, notes_); });
  };
  config_.depths = {1, 2, 1};
  config_.num_heads = {1, 1, 2};
  EXPECT_THAT(refusal(), HasSubstr("an auxiliary head and 3 stages"));
  heads_.auxiliary_channels = 0;
  EXPECT_FALSE(file("config.json").at("use_auxiliary_head").as_bool());
  heads_.group_norm = true;
  EXPECT_THAT(refusal(), HasSubstr("found group norm, expected batch norm"));
}

}  // namespace
}  // namespace swin::weights
