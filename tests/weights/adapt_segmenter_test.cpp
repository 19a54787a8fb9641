// A segmenter starts from files of other tasks, and from segmenters of other classes.
#include <map>
#include <set>

#include "layers/backbone.h"
#include "tests/weights/adapt_support.h"
#include "weights/segmenter_names.h"

namespace swin::weights {
namespace {

constexpr int64_t kChannels = 4;

/// The parameters of a segmenter with one convolution a head.
struct Segmenter {
  explicit Segmenter(int64_t classes, bool auxiliary = true, ModelConfig model = square_config())
      : config(std::move(model)) {
    config.num_classes = classes;
    BackboneOptions options;
    options.out_stages = {0, 1};
    const Scope scope(parameters);
    backbone.emplace(scope / "backbone", config, options);
    head(scope / "decode_head", "bottleneck", 3 * config.embed_dim);
    if (auxiliary) head(scope / "auxiliary_head", "convs.0", config.embed_dim);
    parameters.allocate(false);
    parameters.initialize(9);
  }

  void head(const Scope& scope, const std::string& convolution, int64_t inputs) {
    const Scope conv = scope / convolution;
    (conv / "conv").parameter("weight", {kChannels, inputs, 3, 3}, Initializer::normal(0.1));
    const Scope norm = conv / "bn";
    norm.parameter("weight", {kChannels}, Initializer::ones());
    norm.parameter("bias", {kChannels}, Initializer::zeros());
    norm.buffer("running_mean", {kChannels}, Initializer::zeros());
    norm.buffer("running_var", {kChannels}, Initializer::ones());
    const Scope seg = scope / "conv_seg";
    seg.parameter("weight", {config.num_classes, kChannels, 1, 1}, Initializer::normal(0.1));
    seg.parameter("bias", {config.num_classes}, Initializer::zeros());
  }

  std::vector<float> values(const std::string& name) const {
    if (const ParameterEntry* entry = parameters.find(name)) return values_of(*entry, parameters);
    const ParameterEntry* entry = parameters.buffers().find(name);
    const real* data = parameters.buffers().slab() + entry->offset;
    return {data, data + entry->numel()};
  }

  /// As a file in official names, with values of its own.
  WeightFile file(std::vector<std::string> class_names = {}) const {
    WeightFile file;
    file.where = "segmenter.pth";
    file.kind = WeightKind::segmenter;
    file.class_names = std::move(class_names);
    float next = 1;
    for (const Slab* slab : {static_cast<const Slab*>(&parameters), &parameters.buffers()})
      for (size_t i = 0; i < slab->size(); ++i) {
        std::vector<float> values(static_cast<size_t>((*slab)[i].numel()));
        for (float& value : values) value = next++ / 1024;
        file.arrays.push_back(owned((*slab)[i].name, (*slab)[i].shape.dims(), values));
      }
    return file;
  }

  ModelConfig config;
  Parameters parameters;
  std::optional<Backbone> backbone;
};

const std::set<std::string> kNorms = {"backbone.norm0.weight", "backbone.norm0.bias",
                                      "backbone.norm1.weight", "backbone.norm1.bias"};

std::set<std::string> heads_of(const Segmenter& model) {
  std::set<std::string> names;
  for (const Slab* slab :
       {static_cast<const Slab*>(&model.parameters), &model.parameters.buffers()})
    for (size_t i = 0; i < slab->size(); ++i)
      if (is_segmenter_head((*slab)[i].name)) names.insert((*slab)[i].name);
  return names;
}

std::set<std::string> operator+(std::set<std::string> a, const std::set<std::string>& b) {
  a.insert(b.begin(), b.end());
  return a;
}

class AdaptSegmenterTest : public LayersTest {};

TEST_F(AdaptSegmenterTest, AClassifierGivesTheBackbone) {
  const Model from = random_model(square_config());
  Segmenter to(3);
  const auto head = to.values("decode_head.conv_seg.weight");
  const AdaptReport report = adapt(to, file_of(from));
  EXPECT_EQ(names_of(report, Action::reinitialized), kNorms + heads_of(to));
  EXPECT_EQ(row(report, "backbone.norm1.bias").detail, "not in the file: a segmenter alone has it");
  EXPECT_EQ(row(report, "decode_head.bottleneck.bn.running_var").detail,
            "not in the file: a segmenter alone has it");
  EXPECT_EQ(names_of(report, Action::skipped),
            (std::set<std::string>{"head.weight", "head.bias", "norm.weight", "norm.bias"}));
  EXPECT_EQ(row(report, "head.bias").detail, "of a classifier's head");
  EXPECT_EQ(row(report, "norm.bias").detail, "of a classifier's last norm");
  for (const std::string name : {"patch_embed.proj.weight", "layers.1.blocks.1.attn.qkv.bias",
                                 "layers.0.downsample.norm.bias"}) {
    EXPECT_EQ(row(report, "backbone." + name).action, Action::loaded);
    EXPECT_EQ(to.values("backbone." + name), parameter(from, name));
  }
  EXPECT_EQ(to.values("decode_head.conv_seg.weight"), head);
  EXPECT_EQ(to.values("backbone.norm0.weight"), std::vector<float>(8, 1.0f));
  EXPECT_EQ(to.values("decode_head.bottleneck.bn.running_var"),
            std::vector<float>(kChannels, 1.0f));

  AdaptOptions keep;
  keep.head = HeadInit::keep;
  EXPECT_NE(refusal<base::WeightError>([&] {
              adapt(to, file_of(from), keep);
            }).find("found no backbone.norm0.weight"),
            std::string::npos);
}

TEST_F(AdaptSegmenterTest, SoDoSimMimAndABackboneWithItsNorms) {
  const Model from = random_model(square_config());
  WeightFile file = file_of(from);
  remove(file, "head.weight");
  remove(file, "head.bias");
  WeightFile simmim = file, backbone = file;
  for (NamedArray& array : simmim.arrays) array.name = "encoder." + array.name;
  simmim.kind = WeightKind::simmim;
  simmim.arrays.push_back(owned("encoder.mask_token", {1, 1, 8}, std::vector<float>(8)));
  simmim.arrays.push_back(owned("decoder.0.bias", {192}, std::vector<float>(192)));
  Segmenter to(3);
  AdaptReport report = adapt(to, simmim);
  EXPECT_EQ(names_of(report, Action::reinitialized), kNorms + heads_of(to));
  EXPECT_EQ(
      names_of(report, Action::skipped),
      (std::set<std::string>{"encoder.mask_token", "decoder.0.bias", "norm.weight", "norm.bias"}));
  EXPECT_EQ(to.values("backbone.patch_embed.proj.weight"),
            parameter(from, "patch_embed.proj.weight"));

  remove(backbone, "norm.weight");
  remove(backbone, "norm.bias");
  backbone.kind = WeightKind::backbone;
  for (const auto& [name, dim] : {std::pair{"norm0", 8}, {"norm1", 16}})
    for (const char* leaf : {".weight", ".bias"})
      backbone.arrays.push_back(owned(name + std::string(leaf), {dim},
                                      std::vector<float>(static_cast<size_t>(dim), 0.5f)));
  Segmenter other(3);
  report = adapt(other, backbone);
  EXPECT_EQ(names_of(report, Action::reinitialized), heads_of(other));
  EXPECT_EQ(names_of(report, Action::skipped), std::set<std::string>{});
  EXPECT_EQ(other.values("backbone.norm1.bias"), std::vector<float>(16, 0.5f));
  remove(backbone, "norm1.bias");
  EXPECT_NE(refusal<base::WeightError>([&] {
              adapt(other, backbone);
            }).find("found no backbone.norm1.bias"),
            std::string::npos);
}

TEST_F(AdaptSegmenterTest, ASegmenterOfTheSameClassesIsLoadedWhole) {
  Segmenter to(3);
  const WeightFile file = Segmenter(3).file({"sky", "tree", "wall"});
  AdaptOptions options;
  options.class_names = {"sky", "tree", "wall"};
  const AdaptReport report = adapt(to, file, options);
  EXPECT_EQ(report.count(Action::loaded), static_cast<int64_t>(report.tensors.size()));
  EXPECT_EQ(report.tensors.size(), file.arrays.size());
  for (const NamedArray& array : file.arrays)
    EXPECT_EQ(to.values(array.name), array_values(file, array.name)) << array.name;
}

TEST_F(AdaptSegmenterTest, RowsOfBothHeadsGoByName) {
  Segmenter to(3);
  const auto initial = to.values("auxiliary_head.conv_seg.weight");
  const WeightFile file = Segmenter(4).file({"sky", "tree", "wall", "door"});
  AdaptOptions options;
  options.class_names = {"door", "lamp", "sky"};
  const AdaptReport report = adapt(to, file, options);
  for (const std::string head : {"decode_head", "auxiliary_head"}) {
    for (const char* leaf : {"weight", "bias"}) {
      const AdaptedTensor tensor = row(report, head + ".conv_seg." + leaf);
      EXPECT_EQ(tensor.action, Action::adapted);
      EXPECT_EQ(tensor.detail, "rows by class name: 2 kept, 2 dropped (tree, wall), 1 new (lamp)");
    }
    const auto from = array_values(file, head + ".conv_seg.weight");
    const auto got = to.values(head + ".conv_seg.weight");
    for (size_t c = 0; c < kChannels; ++c) {
      EXPECT_EQ(got[c], from[3 * kChannels + c]);
      EXPECT_EQ(got[2 * kChannels + c], from[c]);
    }
  }
  const auto got = to.values("auxiliary_head.conv_seg.weight");
  for (size_t c = 0; c < kChannels; ++c) EXPECT_EQ(got[kChannels + c], initial[kChannels + c]);
  EXPECT_EQ(row(report, "decode_head.bottleneck.bn.running_mean").action, Action::loaded);
}

TEST_F(AdaptSegmenterTest, OtherClassesWithoutNamesAreNewInBothHeads) {
  Segmenter to(3);
  const AdaptReport report = adapt(to, Segmenter(4).file());
  for (const char* head : {"decode_head", "auxiliary_head"})
    EXPECT_EQ(row(report, head + std::string(".conv_seg.bias")).detail,
              "4 classes in the file, 3 here");
  EXPECT_EQ(names_of(report, Action::reinitialized).size(), 4u);
  AdaptOptions reset;
  reset.head = HeadInit::reset;
  EXPECT_EQ(row(adapt(to, Segmenter(3).file(), reset), "decode_head.conv_seg.bias").detail,
            "init.head is \"reset\"");
}

TEST_F(AdaptSegmenterTest, AnAuxiliaryHeadMayBeOnEitherSideAlone) {
  Segmenter with(3), without(3, false);
  AdaptReport report = adapt(with, Segmenter(3, false).file());
  EXPECT_EQ(names_of(report, Action::reinitialized).size(), 7u);
  EXPECT_EQ(row(report, "auxiliary_head.convs.0.bn.running_mean").detail,
            "not in the file: it has no auxiliary head");
  report = adapt(without, Segmenter(3).file());
  EXPECT_EQ(names_of(report, Action::skipped).size(), 7u);
  EXPECT_EQ(row(report, "auxiliary_head.conv_seg.weight").detail,
            "the model has no auxiliary head");
  EXPECT_EQ(report.count(Action::reinitialized), 0);
}

TEST_F(AdaptSegmenterTest, WindowsAreResizedAndNeverShrinkWithTheMap) {
  const Model from = random_model(square_config());
  ModelConfig larger = square_config();
  larger.window_size = {6, 6};
  Segmenter to(3, true, larger);
  const auto table = [&](const AdaptReport& report) {
    return row(report, "backbone.layers.1.blocks.0.attn.relative_position_bias_table");
  };
  const std::string side = std::to_string(square_config().window_size[0]);
  EXPECT_EQ(table(adapt(to, file_of(from))).detail,
            "windows of " + side + " × " + side + " → 6 × 6, bicubic");
  // A map smaller than the window, in the model and in the file's own config.
  ModelConfig small = square_config();
  small.image_size = {8, 8};
  Segmenter tiny(3, true, small);
  WeightFile segmenter = Segmenter(3).file();
  EXPECT_EQ(table(adapt(tiny, segmenter, {}, small)).action, Action::loaded);
}

TEST_F(AdaptSegmenterTest, AClassifierTakesASegmentersBackboneByName) {
  Model to(square_config(), 9, false);
  const WeightFile file = Segmenter(3).file();
  AdaptOptions options;
  EXPECT_NE(refusal<base::WeightError>([&] {
              adapt_weights(to.parameters(), to.config(), file, std::nullopt, options);
            }).find("found no norm.weight"),
            std::string::npos);
  options.allow_missing = {"norm.*"};
  options.allow_unexpected = {"norm0.*", "norm1.*"};
  const AdaptReport report =
      adapt_weights(to.parameters(), to.config(), file, std::nullopt, options);
  EXPECT_EQ(row(report, "decode_head.conv_seg.bias").detail, "of a segmenter's head");
  EXPECT_EQ(parameter(to, "patch_embed.proj.bias"),
            array_values(file, "backbone.patch_embed.proj.bias"));
}

}  // namespace
}  // namespace swin::weights
