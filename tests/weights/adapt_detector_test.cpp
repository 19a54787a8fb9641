// A detector starts from files of other tasks, and from detectors of other classes.
#include <map>
#include <set>

#include "layers/dense/mask_rcnn.h"
#include "tests/weights/adapt_support.h"
#include "weights/dense_names.h"

namespace swin::weights {
namespace {

constexpr int64_t kWidth = 6;  // of the box head's layers

struct Detector {
  explicit Detector(int64_t classes, bool mask = true, ModelConfig model = square_config())
      : config(std::move(model)) {
    config.num_classes = classes;
    MaskRcnnOptions options;
    options.channels = options.mask_channels = 4;
    options.box_channels = kWidth;
    options.mask = mask;
    options.mask_convs = 1;
    network.emplace(Scope(parameters), config, options);
    parameters.allocate(false);
    parameters.initialize(9);
  }

  std::vector<float> values(const std::string& name) const {
    return values_of(*parameters.find(name), parameters);
  }

  /// As a file in official names, with values of its own.
  WeightFile file(std::vector<std::string> class_names = {}) const {
    WeightFile file;
    file.where = "detector.pth";
    file.kind = WeightKind::detector;
    file.class_names = std::move(class_names);
    float next = 1;
    for (size_t i = 0; i < parameters.size(); ++i) {
      std::vector<float> values(static_cast<size_t>(parameters[i].numel()));
      for (float& value : values) value = next++ / 1024;
      file.arrays.push_back(owned(parameters[i].name, parameters[i].shape.dims(), values));
    }
    return file;
  }

  ModelConfig config;
  Parameters parameters;
  std::optional<MaskRcnn> network;
};

std::set<std::string> heads_of(const Detector& model, const std::string& part = "") {
  std::set<std::string> names;
  for (size_t i = 0; i < model.parameters.size(); ++i)
    if (const std::string& name = model.parameters[i].name;
        is_dense_head(name) && name.find(part) != std::string::npos)
      names.insert(name);
  return names;
}

std::set<std::string> norms() {
  return {"backbone.norm0.weight", "backbone.norm0.bias", "backbone.norm1.weight",
          "backbone.norm1.bias"};
}

std::set<std::string> operator+(std::set<std::string> a, const std::set<std::string>& b) {
  a.insert(b.begin(), b.end());
  return a;
}

class AdaptDetectorTest : public LayersTest {};

TEST_F(AdaptDetectorTest, AClassifierGivesTheBackbone) {
  const Model from = random_model(square_config());
  Detector to(3);
  const auto initial = to.values("roi_head.bbox_head.fc_cls.weight");
  const AdaptReport report = adapt(to, file_of(from));
  EXPECT_EQ(names_of(report, Action::reinitialized), norms() + heads_of(to));
  EXPECT_EQ(row(report, "backbone.norm1.bias").detail, "not in the file: a detector alone has it");
  EXPECT_EQ(row(report, "neck.lateral_convs.1.conv.bias").detail,
            "not in the file: a detector alone has it");
  EXPECT_EQ(row(report, "roi_head.bbox_head.fc_reg.bias").detail, "not in the file");
  EXPECT_EQ(names_of(report, Action::skipped),
            (std::set<std::string>{"head.weight", "head.bias", "norm.weight", "norm.bias"}));
  EXPECT_EQ(row(report, "head.bias").detail, "of a classifier's head");
  for (const std::string name : {"patch_embed.proj.weight", "layers.1.blocks.1.attn.qkv.bias",
                                 "layers.0.downsample.norm.bias"}) {
    EXPECT_EQ(row(report, "backbone." + name).action, Action::loaded);
    EXPECT_EQ(to.values("backbone." + name), parameter(from, name));
  }
  EXPECT_EQ(to.values("roi_head.bbox_head.fc_cls.weight"), initial);

  AdaptOptions keep;
  keep.head = HeadInit::keep;
  EXPECT_NE(refusal<base::WeightError>([&] {
              adapt(to, file_of(from), keep);
            }).find("found no backbone.norm0.weight"),
            std::string::npos);
}

TEST_F(AdaptDetectorTest, SoDoesSimMim) {
  const Model from = random_model(square_config());
  WeightFile simmim = file_of(from);
  remove(simmim, "head.weight");
  remove(simmim, "head.bias");
  for (NamedArray& array : simmim.arrays) array.name = "encoder." + array.name;
  simmim.kind = WeightKind::simmim;
  simmim.arrays.push_back(owned("encoder.mask_token", {1, 1, 8}, std::vector<float>(8)));
  simmim.arrays.push_back(owned("decoder.0.bias", {192}, std::vector<float>(192)));
  Detector to(3);
  const AdaptReport report = adapt(to, simmim);
  EXPECT_EQ(names_of(report, Action::reinitialized), norms() + heads_of(to));
  EXPECT_EQ(
      names_of(report, Action::skipped),
      (std::set<std::string>{"encoder.mask_token", "decoder.0.bias", "norm.weight", "norm.bias"}));
  EXPECT_EQ(to.values("backbone.patch_embed.proj.weight"),
            parameter(from, "patch_embed.proj.weight"));
}

TEST_F(AdaptDetectorTest, ASegmenterGivesTheBackboneWithItsNorms) {
  Detector to(3);
  WeightFile file = Detector(3).file();
  std::erase_if(file.arrays, [](const NamedArray& array) { return is_dense_head(array.name); });
  file.kind = WeightKind::segmenter;
  file.arrays.push_back(owned("decode_head.conv_seg.bias", {3}, std::vector<float>(3)));
  const AdaptReport report = adapt(to, file);
  EXPECT_EQ(names_of(report, Action::reinitialized), heads_of(to));
  EXPECT_EQ(row(report, "decode_head.conv_seg.bias").detail, "of a segmenter's head");
  EXPECT_EQ(to.values("backbone.norm1.bias"), array_values(file, "backbone.norm1.bias"));
}

TEST_F(AdaptDetectorTest, AClassifierTakesADetectorsBackboneByName) {
  Model to(square_config(), 9, false);
  const WeightFile file = Detector(3).file();
  AdaptOptions options;
  options.allow_missing = {"norm.*"};
  options.allow_unexpected = {"norm0.*", "norm1.*"};
  const AdaptReport report =
      adapt_weights(to.parameters(), to.config(), file, std::nullopt, options);
  EXPECT_EQ(row(report, "roi_head.bbox_head.fc_cls.bias").detail, "of a detector's head");
  EXPECT_EQ(parameter(to, "patch_embed.proj.bias"),
            array_values(file, "backbone.patch_embed.proj.bias"));
}

TEST_F(AdaptDetectorTest, ADetectorOfTheSameClassesIsLoadedWhole) {
  Detector to(3);
  const WeightFile file = Detector(3).file({"cat", "dog", "owl"});
  AdaptOptions options;
  options.class_names = {"cat", "dog", "owl"};
  const AdaptReport report = adapt(to, file, options);
  EXPECT_EQ(report.count(Action::loaded), static_cast<int64_t>(report.tensors.size()));
  EXPECT_EQ(report.tensors.size(), file.arrays.size());
  for (const NamedArray& array : file.arrays)
    EXPECT_EQ(to.values(array.name), array_values(file, array.name)) << array.name;
}

TEST_F(AdaptDetectorTest, RowsGoByNameAndTheBackgroundIsKept) {
  Detector to(3);
  const WeightFile file = Detector(4).file({"cat", "dog", "owl", "emu"});
  AdaptOptions options;
  options.class_names = {"emu", "yak", "cat"};
  // Row of the file for each row here; −1: initial values.
  const std::map<std::string, std::vector<int64_t>> expected = {
      {"roi_head.bbox_head.fc_cls", {3, -1, 0, 4}},
      {"roi_head.bbox_head.fc_reg", {12, 13, 14, 15, -1, -1, -1, -1, 0, 1, 2, 3}},
      {"roi_head.mask_head.conv_logits", {3, -1, 0}}};
  std::map<std::string, std::vector<float>> initial;
  for (const auto& [layer, rows] : expected)
    for (const char* leaf : {".weight", ".bias"}) initial[layer + leaf] = to.values(layer + leaf);
  const AdaptReport report = adapt(to, file, options);
  for (const auto& [layer, rows] : expected)
    for (const char* leaf : {".weight", ".bias"}) {
      const std::string name = layer + leaf;
      const AdaptedTensor tensor = row(report, name);
      EXPECT_EQ(tensor.action, Action::adapted) << name;
      EXPECT_EQ(tensor.detail, "rows by class name: 2 kept, 2 dropped (dog, owl), 1 new (yak)");
      const auto got = to.values(name), from = array_values(file, name);
      const size_t width = got.size() / rows.size();
      for (size_t k = 0; k < rows.size(); ++k)
        for (size_t c = 0; c < width; ++c)
          ASSERT_EQ(got[k * width + c], rows[k] < 0
                                            ? initial[name][k * width + c]
                                            : from[static_cast<size_t>(rows[k]) * width + c])
              << name << " row " << k;
    }
  EXPECT_EQ(row(report, "roi_head.bbox_head.shared_fcs.0.weight").action, Action::loaded);
}

TEST_F(AdaptDetectorTest, ClassesOfAnIndexFileAreThoseWithoutTheBackground) {
  Detector to(2);
  const WeightFile file = Detector(4).file();
  AdaptOptions options;
  options.class_rows = {3, 1};
  options.class_rows_where = "index.txt";
  const AdaptReport report = adapt(to, file, options);
  EXPECT_EQ(row(report, "roi_head.bbox_head.fc_cls.bias").detail, "2 of 4 classes, by index.txt");
  const auto from = array_values(file, "roi_head.bbox_head.fc_cls.bias");
  EXPECT_EQ(to.values("roi_head.bbox_head.fc_cls.bias"),
            (std::vector<float>{from[3], from[1], from[4]}));
  options.class_rows = {4, 1};
  EXPECT_NE(refusal<base::UsageError>([&] {
              adapt(to, file, options);
            }).find("found class 4, expected one from 0 to 3"),
            std::string::npos);
}

TEST_F(AdaptDetectorTest, OtherClassesWithoutNamesAreNewInAllHeads) {
  Detector to(3);
  const AdaptReport report = adapt(to, Detector(4).file());
  for (const char* layer :
       {"roi_head.bbox_head.fc_cls", "roi_head.bbox_head.fc_reg", "roi_head.mask_head.conv_logits"})
    EXPECT_EQ(row(report, layer + std::string(".bias")).detail, "4 classes in the file, 3 here");
  EXPECT_EQ(names_of(report, Action::reinitialized).size(), 6u);
}

TEST_F(AdaptDetectorTest, AMaskHeadMayBeOnEitherSideAlone) {
  Detector with(3), without(3, false);
  AdaptReport report = adapt(with, Detector(3, false).file());
  EXPECT_EQ(names_of(report, Action::reinitialized), heads_of(with, "mask_head"));
  EXPECT_EQ(row(report, "roi_head.mask_head.upsample.bias").detail,
            "not in the file: it has no mask head");
  report = adapt(without, Detector(3).file());
  EXPECT_EQ(names_of(report, Action::skipped), heads_of(with, "mask_head"));
  EXPECT_EQ(row(report, "roi_head.mask_head.upsample.bias").detail, "the model has no mask head");
  EXPECT_EQ(report.count(Action::reinitialized), 0);
}

TEST_F(AdaptDetectorTest, WindowsNeverShrinkWithTheMap) {
  ModelConfig small = square_config();
  small.image_size = {8, 8};
  Detector tiny(3, true, small);
  const AdaptReport report = adapt(tiny, Detector(3).file(), {}, small);
  EXPECT_EQ(row(report, "backbone.layers.1.blocks.0.attn.relative_position_bias_table").action,
            Action::loaded);
}

}  // namespace
}  // namespace swin::weights
