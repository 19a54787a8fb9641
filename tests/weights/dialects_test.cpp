// Every file of dialect_keys/ is converted to every dialect and back.
#include "tests/files/torch_bytes.h"
#include "tests/support/temporary_directory.h"
#include "tests/weights/dialects_support.h"

namespace swin::weights {

using layers::ModelConfig;
using layers::Size2;
namespace {

struct Listed {
  const char* file;
  Dialect dialect;
  const char* model;
  WeightKind kind = WeightKind::model;
  const char* written = "";  // the keys to_dialect writes; empty: of the same file
};

void PrintTo(const Listed& listed, std::ostream* out) { *out << listed.file; }

class Lists : public ::testing::TestWithParam<Listed> {
 protected:
  ModelConfig config() const {
    ModelConfig config = config_of(GetParam().model);
    if (std::string_view(GetParam().file) == "timm_vit_avg") config.global_pool = "avg";
    return config;
  }
  std::string written_name() const {
    return *GetParam().written ? GetParam().written : GetParam().file;
  }
};

INSTANTIATE_TEST_SUITE_P(
    Dialects, Lists,
    ::testing::Values(
        Listed{"official_swin", Dialect::official, "swin"},
        Listed{"official_swin_v2", Dialect::official, "swin_v2"},
        Listed{"official_swin_mlp", Dialect::official, "swin_mlp"},
        Listed{"official_simmim_swin", Dialect::official, "swin", WeightKind::simmim},
        Listed{"official_simmim_swin_v2", Dialect::official, "swin_v2", WeightKind::simmim},
        Listed{"timm_swin", Dialect::timm, "swin"},
        Listed{"timm_swin_v2", Dialect::timm, "swin_v2"},
        Listed{"timm_vit", Dialect::official, "vit"},
        Listed{"timm_vit_avg", Dialect::official, "vit"},
        Listed{"torchvision_swin", Dialect::torchvision, "swin"},
        Listed{"torchvision_swin_v2", Dialect::torchvision, "swin_v2"},
        Listed{"torchvision_vit", Dialect::torchvision, "vit"},
        Listed{"huggingface_swin", Dialect::huggingface, "swin"},
        Listed{"huggingface_swin_v2", Dialect::huggingface, "swin_v2"},
        Listed{"huggingface_vit", Dialect::huggingface, "vit"},
        Listed{"huggingface_memory_swin", Dialect::huggingface, "swin", WeightKind::model,
               "huggingface_swin"},
        Listed{"huggingface_memory_vit", Dialect::huggingface, "vit", WeightKind::model,
               "huggingface_vit"},
        Listed{"huggingface_simmim_swin", Dialect::huggingface, "swin", WeightKind::simmim},
        Listed{"huggingface_simmim_swin_v2", Dialect::huggingface, "swin_v2", WeightKind::simmim}),
    [](const auto& test) { return std::string(test.param.file); });

TEST_P(Lists, IsRecognizedAndEveryKeyIsAccountedFor) {
  const std::vector<NamedArray> arrays = read_keys(GetParam().file);
  const WeightFile file = to_official(arrays, "file");
  EXPECT_EQ(file.dialect, GetParam().dialect);
  EXPECT_EQ(file.model, GetParam().model);
  EXPECT_EQ(file.kind, GetParam().kind);
  ASSERT_EQ(file.loaded.size(), file.arrays.size());
  std::vector<std::string> accounted;
  for (size_t i = 0; i < file.loaded.size(); ++i) {
    EXPECT_EQ(file.loaded[i].name, file.arrays[i].name);
    for (const std::string& key : file.loaded[i].keys) accounted.push_back(key);
  }
  for (const WeightFile::Skipped& skipped : file.skipped) {
    EXPECT_TRUE(is_derived_table(skipped.key)) << skipped.key;
    accounted.push_back(skipped.key);
  }
  // torchvision's qkv.bias is listed twice, for q_bias and for v_bias.
  std::sort(accounted.begin(), accounted.end());
  accounted.erase(std::unique(accounted.begin(), accounted.end()), accounted.end());
  EXPECT_EQ(accounted, keys_of(arrays));
  EXPECT_THAT(file.notes, IsEmpty());
}

TEST_P(Lists, FitsItsModel) {
  EXPECT_NO_THROW(require_fit(to_official(read_keys(GetParam().file), "file"), config()));
}

TEST_P(Lists, IsWrittenAsItsLibraryKeepsIt) {
  const std::vector<NamedArray> arrays = read_keys(GetParam().file);
  const WeightFile file = to_official(arrays, "file");
  const std::vector<NamedArray> written = to_dialect(file.arrays, GetParam().dialect, config());
  std::map<std::string, std::string> expected = shapes_of(read_keys(written_name()));
  if (GetParam().dialect == Dialect::huggingface && file.model == "swin")
    for (int layer = 0; layer < 2; ++layer)  // transformers 4 needs it, transformers 5 ignores it
      for (int block = 0; block < 2; ++block)
        expected["swin.encoder.layers." + std::to_string(layer) + ".blocks." +
                 std::to_string(block) + ".attention.self.relative_position_index"] = "i64(9, 9)";
  EXPECT_EQ(shapes_of(written), expected);
  if (written_name() == GetParam().file) {
    EXPECT_EQ(bits_of(written), bits_of(arrays));
  }
}

TEST_P(Lists, GoesToEveryDialectAndBackBitForBit) {
  const WeightFile file = to_official(read_keys(GetParam().file), "file");
  int ways = 0;
  for (const std::string& name : writable_dialects()) {
    const Dialect target = *dialect_named(name);
    std::vector<NamedArray> written;
    try {
      written = to_dialect(file.arrays, target, config());
    } catch (const base::UsageError& error) {  // that library has no such model
      EXPECT_NE(target, Dialect::official) << error.what();
      EXPECT_TRUE(target == Dialect::mm || file.model == "swin_mlp" ||
                  file.kind == WeightKind::simmim ||
                  std::string_view(GetParam().file) == "timm_vit_avg")
          << error.what();
      continue;
    }
    ++ways;
    if (file.kind == WeightKind::model && file.model != "swin_mlp" &&
        config().global_pool != "avg") {
      const std::string list =
          file.model == "vit" && target == Dialect::official ? "timm_vit" : name + "_" + file.model;
      std::map<std::string, std::string> shapes = shapes_of(written);
      if (target == Dialect::huggingface)
        std::erase_if(shapes, [](const auto& entry) { return is_derived_table(entry.first); });
      EXPECT_EQ(shapes, shapes_of(read_keys(list))) << name;
    }
    const WeightFile back = to_official(written, "back");
    EXPECT_EQ(bits_of(back.arrays), bits_of(file.arrays)) << name;
  }
  EXPECT_GE(ways, file.model == "swin_mlp" ? 1 : 2);
}

TEST_P(Lists, ShapesTellTheModel) {
  const WeightFile file = to_official(read_keys(GetParam().file), "file");
  const InferredConfig inferred = infer_model_config(file);
  const ModelConfig expected = config();
  const ModelConfig& found = inferred.config;
  EXPECT_EQ(found.name, expected.name);
  EXPECT_EQ(found.patch_size, expected.patch_size);
  EXPECT_EQ(found.in_chans, 3);
  EXPECT_EQ(found.embed_dim, expected.embed_dim);
  EXPECT_EQ(found.depths, expected.depths);
  EXPECT_EQ(found.num_heads, expected.num_heads);
  EXPECT_EQ(found.mlp_ratio, expected.mlp_ratio);
  EXPECT_TRUE(found.qkv_bias);
  EXPECT_TRUE(found.patch_norm);
  EXPECT_EQ(found.global_pool, expected.global_pool);
  EXPECT_EQ(found.num_classes, file.kind == WeightKind::model ? 5 : 0);
  const bool masks = GetParam().dialect == Dialect::official && file.model != "swin_mlp";
  if (file.model == "vit" || masks) {
    EXPECT_EQ(found.image_size, expected.image_size);
  }
  const bool no_window = file.model == "swin_v2" && file.derived.empty();
  if (file.model != "vit") {
    EXPECT_EQ(found.window_of(0), (no_window ? Size2{8, 8} : Size2{3, 3}));
    EXPECT_EQ(found.window_of(1), found.window_of(0));
  }
  const bool told = masks && !no_window && file.model != "vit";  // the heads of a ViT are assumed
  EXPECT_EQ(inferred.assumptions.empty(), told) << ::testing::PrintToString(inferred.assumptions);
  if (!no_window) {
    EXPECT_NO_THROW(require_fit(file, found));
  }
}

// A checkpoint of torchvision's recipe: the weights, and their average from torch.optim.swa_utils.
TEST(WeightSets, AveragedWeightsAreChosenByTheCaller) {
  namespace torch = files::testing;
  const auto set = [](const std::string& prefix) {
    return "}" + torch::text("n_averaged") +
           torch::code_of(
               {.key = "1", .stored = 1, .shape = {}, .strides = {}, .type = "LongStorage"}) +
           "s" + torch::text(prefix + "patch_embed.proj.bias") + torch::code_of({}) + "s";
  };
  const swin::test::TemporaryDirectory folder;
  swin::test::write_text(
      folder / "run.pth",
      torch::legacy_of("}" + torch::text("model") + set("") + "s" + torch::text("model_ema") +
                           set("module.") + "s" + torch::text("epoch") + "K\1s",
                       {{"1", torch::raw<int64_t>(1) + torch::raw<int64_t>(5)},
                        {"0", torch::raw<int64_t>(6) + torch::floats(6)}}));
  const auto skipped = [](const WeightFile& file) {
    std::map<std::string, std::string> reasons;
    for (const WeightFile::Skipped& entry : file.skipped) reasons[entry.key] = entry.reason;
    return reasons;
  };
  const WeightFile trained = read_weight_file(folder / "run.pth");
  EXPECT_EQ(skipped(trained),
            (std::map<std::string, std::string>{
                {"n_averaged", "a count of steps"},
                {"epoch", "no weights"},
                {"model_ema", "averaged weights, swin convert --ema takes them"}}));
  ReadOptions options;
  options.from.set = files::WeightSet::averaged;
  const WeightFile average = read_weight_file(folder / "run.pth", options);
  ASSERT_EQ(average.loaded.size(), 1u);
  EXPECT_EQ(average.loaded[0].name, "patch_embed.proj.bias");
  EXPECT_EQ(average.loaded[0].keys.at(0), "module.patch_embed.proj.bias");
  EXPECT_EQ(skipped(average).at("model"), "another dict of tensors");
}

}  // namespace
}  // namespace swin::weights
