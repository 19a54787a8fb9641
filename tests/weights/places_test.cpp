// Where a model lies among what training scripts leave in a file.
#include <set>

#include "tests/weights/dialects_support.h"

namespace swin::weights {
namespace {

using ::testing::Field;
using ::testing::IsSupersetOf;
using ::testing::Pair;

std::vector<NamedArray> under(const std::string& prefix, std::vector<NamedArray> arrays) {
  for (NamedArray& array : arrays) array.name.insert(0, prefix);
  return arrays;
}

std::vector<NamedArray> operator+(std::vector<NamedArray> a, const std::vector<NamedArray>& b) {
  a.insert(a.end(), b.begin(), b.end());
  return a;
}

NamedArray one(const std::string& name, std::vector<int64_t> shape = {3}) {
  const auto count = static_cast<size_t>(*files::num_elements_of(shape));
  return floats(name, std::move(shape), std::vector<float>(count, 1.0f));
}

std::map<std::string, std::string> skipped(const WeightFile& file) {
  std::map<std::string, std::string> reasons;
  for (const WeightFile::Skipped& entry : file.skipped)
    if (!is_derived_table(entry.key)) reasons[entry.key] = entry.reason;
  return reasons;
}

std::string refused(const std::vector<NamedArray>& arrays, const ReadOptions& options = {}) {
  return error_of<base::WeightError>([&] { to_official(arrays, "file", options); });
}

ReadOptions prefixed(const std::string& prefix) {
  ReadOptions options;
  options.prefix = prefix;
  return options;
}
ReadOptions allowing(const std::string& pattern) {
  ReadOptions options;
  options.allow = {pattern};
  return options;
}
ReadOptions with_any_head() {
  ReadOptions options;
  options.any_head = true;
  return options;
}

constexpr const char* kDialects[] = {"official_swin",          "official_swin_v2",
                                     "official_swin_mlp",      "timm_swin",
                                     "timm_swin_v2",           "timm_vit",
                                     "timm_vit_avg",           "torchvision_swin",
                                     "torchvision_swin_v2",    "torchvision_vit",
                                     "huggingface_swin",       "huggingface_swin_v2",
                                     "huggingface_vit",        "huggingface_memory_swin",
                                     "huggingface_memory_vit", "official_simmim_swin",
                                     "huggingface_simmim_swin"};

TEST(Places, AnyPrefixBesideMetricsLossesAndOtherNetworks) {
  for (const char* dialect : kDialects) {
    const std::vector<NamedArray> model = read_keys(dialect);
    const auto expected = bits_of(to_official(model, "file").arrays);
    for (const char* prefix : {"model.", "net.", "backbone.model.", "module.student.", "swin.",
                               "encoder.", "a.b.c.d."}) {
      const WeightFile file =
          to_official(std::vector{one("criterion.weight"), one("val_acc.confmat", {3, 3})} +
                          under(prefix, model) +
                          std::vector{one("projector.0.weight", {4, 8}), one("n_averaged", {})},
                      "file");
      EXPECT_EQ(bits_of(file.arrays), expected) << dialect << " " << prefix;
      EXPECT_THAT(skipped(file), IsSupersetOf({Pair("n_averaged", "a count of steps")}));
      for (const char* beside : {"criterion.weight", "val_acc.confmat", "projector.0.weight"})
        EXPECT_THAT(skipped(file)[beside], HasSubstr("beside the model under \"")) << prefix;
      EXPECT_TRUE(file.missing.empty());
      EXPECT_TRUE(file.notes.empty());
    }
  }
  const WeightFile file = to_official(
      under("model.", read_keys("timm_swin")) + std::vector{one("criterion.weight")}, "file");
  EXPECT_EQ(skipped(file)["criterion.weight"], "beside the model under \"model.\"");
  EXPECT_EQ(file.prefix, "model.");
}

TEST(Places, OfSeveralCompleteModelsThePrefixChooses) {
  const std::vector<NamedArray> model = read_keys("timm_swin");
  std::vector<NamedArray> average = read_keys("timm_swin");
  at(average, "norm.bias") = one("norm.bias", {16});
  const std::pair<const char*, const char*> pairs[] = {
      {"model.", "ema_model."}, {"model.", "ema_model.module."},    {"", "ema."},
      {"student.", "teacher."}, {"net.module.", "net_ema.module."}, {"model.", "model.ema."}};
  for (const auto& [first, second] : pairs) {
    const auto both = under(first, model) + under(second, average);
    const std::string said = refused(both);
    EXPECT_THAT(said, AllOf(HasSubstr("complete models under"),
                            HasSubstr(std::string("\"") + second + "\""), HasSubstr("--prefix "),
                            HasSubstr("init.prefix")));
    // Either, as the error names it, and without its last dot.
    for (std::string prefix : {std::string(first), std::string(second)}) {
      const auto expected = bits_of(to_official(prefix == first ? model : average, "file").arrays);
      EXPECT_EQ(bits_of(to_official(both, "file", prefixed(prefix)).arrays), expected);
      if (!prefix.empty()) prefix.pop_back();
      const WeightFile file = to_official(both, "file", prefixed(prefix));
      EXPECT_EQ(bits_of(file.arrays), expected);
      EXPECT_GE(file.skipped.size(), model.size());
    }
  }
  const auto bare = model + under("ema.", average);
  EXPECT_THAT(refused(bare), HasSubstr("--prefix . ("));
  EXPECT_EQ(bits_of(to_official(bare, "file", prefixed(".")).arrays),
            bits_of(to_official(model, "file").arrays));
  EXPECT_THAT(refused(bare, prefixed("teacher")),
              AllOf(HasSubstr("no model under the prefix \"teacher\""), HasSubstr("\"ema.\"")));
}

TEST(Places, TheOnlyCompleteOneIsReadBesideOthers) {
  const std::vector<NamedArray> model = read_keys("torchvision_swin");
  const auto expected = bits_of(to_official(model, "file").arrays);
  // Another library's convolutional network begins with the same name; a part of an average; a
  // ViT that is not plain.
  std::vector<NamedArray> part = read_keys("torchvision_swin"), other = read_keys("timm_vit");
  part.resize(20);
  other.push_back(one("reg_token"));
  const auto file =
      to_official(std::vector{one("teacher.features.0.0.weight", {8, 3, 3, 3}),
                              one("teacher.features.0.1.weight", {8})} +
                      under("ema.", part) + under("net.", model) + under("dino.", other),
                  "file");
  EXPECT_EQ(bits_of(file.arrays), expected);
  EXPECT_EQ(file.prefix, "net.");
  EXPECT_EQ(skipped(file)["ema.features.0.0.weight"], "beside the model under \"net.\"");
}

TEST(Places, MissingKeysAreNamedAsTheFileCallsThem) {
  struct Case {
    const char *dialect, *key, *official;
  };
  const Case cases[] = {
      {"timm_swin", "layers.1.blocks.1.norm2.bias", "layers.1.blocks.1.norm2.bias"},
      {"torchvision_swin", "features.3.0.mlp.3.weight", "layers.1.blocks.0.mlp.fc2.weight"},
      {"torchvision_swin_v2", "features.2.reduction.weight",
       "layers.0.downsample.reduction.weight"},
      {"huggingface_swin", "swin.encoder.layers.1.blocks.1.layernorm_after.weight",
       "layers.1.blocks.1.norm2.weight"},
      {"timm_vit", "blocks.1.mlp.fc1.bias", "blocks.1.mlp.fc1.bias"},
      {"timm_vit", "pos_embed", "pos_embed"},
      {"official_swin", "layers.0.blocks.0.attn.relative_position_bias_table",
       "layers.0.blocks.0.attn.relative_position_bias_table"},
      {"official_swin", "patch_embed.proj.bias", "patch_embed.proj.bias"},
      {"official_swin", "norm.weight", "norm.weight"},
      {"official_swin", "head.bias", "head.bias"},
      {"official_swin_v2", "layers.0.blocks.1.attn.v_bias", "layers.0.blocks.1.attn.v_bias"},
      {"official_swin_mlp", "layers.1.blocks.0.spatial_mlp.bias",
       "layers.1.blocks.0.spatial_mlp.bias"},
  };
  for (const Case& row : cases) {
    std::vector<NamedArray> model = read_keys(row.dialect);
    const size_t before = model.size();
    std::erase_if(model, [&](const NamedArray& array) { return array.name == row.key; });
    ASSERT_EQ(model.size() + 1, before) << row.key;
    const std::string key = "model." + std::string(row.key);
    // Alone: it is read (a training may allow the gap), and does not fit.
    const WeightFile file = to_official(under("model.", model), "file");
    EXPECT_THAT(file.missing, ElementsAre(AllOf(Field(&WeightFile::Missing::name, row.official),
                                                Field(&WeightFile::Missing::key, key))));
    const std::string unfit = error_of<base::WeightError>([&] { infer_model_config(file); });
    EXPECT_THAT(unfit, AllOf(HasSubstr(row.official), HasSubstr(key)));
    // Beside another that lacks more.
    std::vector<NamedArray> less = model;
    std::erase_if(
        less, [](const NamedArray& array) { return array.name.find("mlp") != std::string::npos; });
    EXPECT_THAT(refused(under("model.", model) + under("ema.", less)),
                AllOf(HasSubstr("no complete model under"),
                      HasSubstr("the nearest, \"model.\", lacks "), HasSubstr(key)));
  }
  for (const char* dialect : kDialects)
    EXPECT_THAT(to_official(read_keys(dialect), "file").missing, IsEmpty()) << dialect;
}

// The prefix stays the model's: what it holds is never left out silently.
TEST(Places, UnknownNamesOfTheModelAreRefused) {
  const auto arrays = under("model.", read_keys("timm_swin") + std::vector{one("adapter.weight")});
  EXPECT_THAT(refused(arrays), HasSubstr("found model.adapter.weight"));
  EXPECT_EQ(skipped(to_official(arrays, "file", allowing("*adapter*"))).begin()->second,
            "allowed by name");
  EXPECT_THAT(refused(read_keys("timm_swin") + std::vector{one("criterion.weight")}),
              HasSubstr("found criterion.weight"));
}

// A golden file has them, and some trainers put an optimizer's state beside the model.
TEST(Places, GradientsAndOptimizersAreNoWeights) {
  const std::vector<NamedArray> model = read_keys("timm_swin");
  for (const char* other : {"grad.", "exp_avg.", "optimizer.exp_avg_sq.", "momentum_buffer."}) {
    EXPECT_THAT(refused(under(other, model)), HasSubstr("no known dialect")) << other;
    const WeightFile file = to_official(under("net.", model) + under(other, model), "file");
    EXPECT_EQ(file.prefix, "net.");
    EXPECT_EQ(bits_of(file.arrays), bits_of(to_official(model, "file").arrays));
  }
}

TEST(Places, HugeNumbersOfPlacesAreRefused) {
  std::vector<NamedArray> arrays;
  for (int i = 0; i < 1000; ++i)
    arrays.push_back(one("m" + std::to_string(i) + ".patch_embed.proj.weight"));
  const std::string said = refused(arrays);
  EXPECT_THAT(said, HasSubstr("under 1000 prefixes"));
  EXPECT_LT(said.size(), 400u);
  // Numbers of blocks that no model has.
  std::vector<NamedArray> model = read_keys("official_swin");
  model.push_back(one("layers.999999.blocks.999999.norm1.weight"));
  EXPECT_NO_THROW(to_official(model, "file"));
}

// ---- Heads as tutorials make them

struct HeadCase {
  const char *dialect, *own, *renamed;
};
constexpr HeadCase kHeads[] = {
    {"official_swin", "head", "head.1"},
    {"official_swin_v2", "head", "head.0"},
    {"timm_swin", "head.fc", "head.fc.1"},
    {"timm_swin", "head.fc", "head.1"},
    {"timm_swin", "head.fc", "head"},
    {"timm_vit", "head", "head.1"},
    {"torchvision_swin", "head", "head.1"},
    {"torchvision_swin", "head", "head.3"},
    {"torchvision_vit", "heads.head", "heads.1"},
    {"torchvision_vit", "heads.head", "heads.head.1"},
    {"huggingface_swin", "classifier", "classifier.1"},
    {"huggingface_vit", "classifier", "classifier.0"},
};

std::vector<NamedArray> with_head(const HeadCase& row, const std::string& name) {
  std::vector<NamedArray> arrays = read_keys(row.dialect);
  for (NamedArray& array : arrays)
    for (const char* leaf : {".weight", ".bias"})
      if (array.name == std::string(row.own) + leaf) array.name = name + leaf;
  return arrays;
}

TEST(Heads, TheOneLinearLayerOfASequential) {
  for (const HeadCase& row : kHeads)
    for (const char* prefix : {"", "model.", "backbone."}) {
      const auto expected = bits_of(to_official(read_keys(row.dialect), "file").arrays);
      const WeightFile file = to_official(under(prefix, with_head(row, row.renamed)), "file");
      EXPECT_EQ(bits_of(file.arrays), expected) << row.dialect << " " << row.renamed;
      EXPECT_THAT(file.notes, ElementsAre("the head is " + std::string(prefix) + row.renamed));
    }
}

TEST(Heads, BesideABackbone) {
  for (const char* name : {"head", "head.1", "classifier", "classifier.1", "fc", "heads.0"})
    for (const char* root : {"backbone.", "model.backbone.", "backbone.model."})
      for (const HeadCase& row : {kHeads[0], kHeads[2], kHeads[6]}) {
        const std::string outside = std::string(root).starts_with("model.") ? "model." : "";
        std::vector<NamedArray> arrays;
        for (NamedArray& array : with_head(row, name)) {
          const bool head = array.name.starts_with(std::string(name) + ".weight") ||
                            array.name.starts_with(std::string(name) + ".bias");
          array.name.insert(0, head ? outside : root);
          arrays.push_back(array);
        }
        const auto expected = bits_of(to_official(read_keys(row.dialect), "file").arrays);
        EXPECT_EQ(bits_of(to_official(arrays, "file").arrays), expected)
            << row.dialect << " " << root << name;
      }
  // With a head of its own the backbone does not tell which is used.
  const auto two = under("backbone.", read_keys("timm_swin")) +
                   std::vector{one("head.weight", {2, 16}), one("head.bias", {2})};
  EXPECT_THAT(refused(two), AllOf(HasSubstr("a head of 2 layers (backbone.head.fc, head)")));
  EXPECT_EQ(to_official(two, "file", prefixed("backbone.")).find("head.bias")->shape[0], 5);
}

TEST(Heads, SeveralLayersAreRefusedOrLeftOut) {
  for (const HeadCase& row : kHeads) {
    if (std::string(row.renamed) == "head") continue;
    const std::string first =
        std::string(row.renamed).substr(0, std::string(row.renamed).rfind('.'));
    for (const auto& extra :
         {std::vector{one(first + ".7.weight", {8, 8}), one(first + ".7.bias", {8})},
          std::vector{one(first + ".7.weight", {8})}}) {
      const auto arrays = under("net.", with_head(row, row.renamed) + extra);
      const std::string said = refused(arrays);
      EXPECT_THAT(said, AllOf(HasSubstr("a head of 2 layers (net."), HasSubstr("init.head=reset"),
                              HasSubstr("--allow 'net.")));
      EXPECT_LT(said.size(), 400u);
      // Each remedy works.
      const WeightFile reset = to_official(arrays, "file", with_any_head());
      EXPECT_EQ(reset.find("head.weight"), nullptr);
      EXPECT_NE(reset.find("patch_embed.proj.weight"), nullptr);
      const size_t begin = said.find("--allow '") + 9;
      const std::string pattern = said.substr(begin, said.find('\'', begin) - begin);
      EXPECT_EQ(bits_of(to_official(arrays, "file", allowing(pattern)).arrays),
                bits_of(reset.arrays));
    }
  }
}

// ---- Number formats

std::vector<NamedArray> as_float64(std::vector<NamedArray> arrays) {
  for (NamedArray& array : arrays) {
    if (array.dtype != files::DType::f32) continue;
    const std::vector<float> values = values_of(array);
    auto kept = std::make_shared<std::vector<double>>(values.begin(), values.end());
    const std::vector<int64_t> shape = array.shape;
    array = NamedArray::of(array.name, shape, std::span<const double>(*kept));
    array.owner = std::move(kept);
  }
  return arrays;
}

TEST(Float64, IsRoundedOnceAndSaid) {
  for (const char* dialect : kDialects) {
    const std::vector<NamedArray> model = read_keys(dialect);
    const auto expected = bits_of(to_official(model, "file").arrays);
    const WeightFile file = to_official(as_float64(model), "file");
    EXPECT_EQ(bits_of(file.arrays), expected) << dialect;
    std::set<std::string> keys;
    for (const WeightFile::Loaded& loaded : file.loaded)
      keys.insert(loaded.keys.begin(), loaded.keys.end());
    EXPECT_THAT(file.notes, ElementsAre(std::to_string(keys.size()) +
                                        " tensors of float64 rounded to float32"));
  }
  std::vector<NamedArray> mixed = under("net.", read_keys("torchvision_swin"));
  const std::vector<double> huge(16, 1e39);
  at(mixed, "net.norm.bias") = NamedArray::of("net.norm.bias", {16}, huge);
  EXPECT_THAT(refused(mixed), AllOf(HasSubstr("net.norm.bias has the float64 value 1e+39")));
  const std::vector<double> small(16, 0.1);
  at(mixed, "net.norm.bias") = NamedArray::of("net.norm.bias", {16}, small);
  const WeightFile file = to_official(mixed, "file");
  EXPECT_THAT(file.notes, ElementsAre("1 tensor of float64 rounded to float32"));
  EXPECT_EQ(values_of(*file.find("norm.bias"))[7], 0.1f);
}

}  // namespace
}  // namespace swin::weights
