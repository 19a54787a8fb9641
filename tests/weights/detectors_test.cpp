// Mask R-CNN on Swin in torchvision's names and in those of both generations of mmdetection.
#include "tests/weights/dialects_support.h"
#include "weights/detector_names.h"
#include "weights/published_preprocess.h"

namespace swin::weights {
namespace {

struct Listed {
  const char* file;
  Dialect dialect;
  const char* written;  // the list of what to_dialect writes
};
void PrintTo(const Listed& listed, std::ostream* out) { *out << listed.file; }

constexpr const char kFirst[] = "official_mask_rcnn", kSecond[] = "mm_mask_rcnn",
                     kTorchvision[] = "torchvision_mask_rcnn";
constexpr Dialect kLibraries[] = {Dialect::official, Dialect::mm, Dialect::torchvision};

std::string list_of(Dialect dialect) { return name_of(dialect) + std::string("_mask_rcnn"); }

WeightFile read_list(const std::string& list) { return to_official(read_keys(list), "file"); }

/// Rows [first, first + count) of an array.
std::vector<float> rows(const NamedArray& array, int64_t first, int64_t count) {
  return values_of(rows_of_array(array, first, count));
}

/// The names and shapes of a list, without values.
std::vector<NamedArray> shapes_in(const std::string& list) {
  std::ifstream lines(kKeys + list + ".txt");
  std::vector<NamedArray> arrays;
  for (std::string name, dims; lines >> name >> dims;) {
    NamedArray array;
    array.name = name;
    array.dtype = name.ends_with("_index") ? files::DType::i64 : files::DType::f32;
    std::istringstream items(dims);
    for (std::string dim; std::getline(items, dim, ',');) array.shape.push_back(std::stoll(dim));
    arrays.push_back(array);
  }
  return arrays;
}

class Detectors : public ::testing::TestWithParam<Listed> {};

INSTANTIATE_TEST_SUITE_P(
    Dialects, Detectors,
    ::testing::Values(Listed{kFirst, Dialect::official, kFirst},
                      Listed{kSecond, Dialect::mm, kSecond},
                      Listed{kTorchvision, Dialect::torchvision, kTorchvision},
                      Listed{"torchvision_old_mask_rcnn", Dialect::torchvision, kTorchvision},
                      Listed{"torchvision_hub_mask_rcnn", Dialect::torchvision, kTorchvision}),
    [](const auto& test) { return std::string(test.param.file); });

TEST_P(Detectors, AreRecognizedAndEveryKeyIsAccountedFor) {
  const std::vector<NamedArray> arrays = read_keys(GetParam().file);
  const WeightFile file = to_official(arrays, "file");
  EXPECT_EQ(file.dialect, GetParam().dialect);
  EXPECT_EQ(file.kind, WeightKind::detector);
  EXPECT_EQ(file.model, "swin");
  EXPECT_THAT(file.notes, IsEmpty());
  EXPECT_NO_THROW(require_complete(file));
  EXPECT_EQ(detector_name(file), "Mask R-CNN");
  ASSERT_TRUE(file.class_rows());
  EXPECT_EQ(file.class_rows()->shape, (std::vector<int64_t>{6, 10}));
  EXPECT_EQ(file.num_classes(), 5);
  std::vector<std::string> accounted;
  for (size_t i = 0; i < file.loaded.size(); ++i) {
    EXPECT_EQ(file.loaded[i].name, file.arrays[i].name);
    for (const std::string& key : file.loaded[i].keys) accounted.push_back(key);
  }
  for (const WeightFile::Skipped& skipped : file.skipped) {
    EXPECT_TRUE(is_derived_table(skipped.key) || skipped.reason == "not used by a backbone")
        << skipped.key;
    accounted.push_back(skipped.key);
  }
  std::sort(accounted.begin(), accounted.end());
  EXPECT_EQ(accounted, keys_of(arrays));
}

TEST_P(Detectors, HaveTheNamesAndShapesOfTheFirstGeneration) {
  std::map<std::string, std::string> expected = shapes_of(read_keys(kFirst));
  std::erase_if(expected, [](const auto& entry) { return is_derived_table(entry.first); });
  EXPECT_EQ(shapes_of(read_list(GetParam().file).arrays), expected);
}

TEST_P(Detectors, AreWrittenAsTheirLibraryKeepsThem) {
  const std::vector<NamedArray> written =
      to_dialect(read_list(GetParam().file).arrays, GetParam().dialect, config_of("upernet"));
  EXPECT_EQ(shapes_of(written), shapes_of(read_keys(GetParam().written)));
}

TEST_P(Detectors, GoToEveryLibraryAndBackBitForBit) {
  const WeightFile file = read_list(GetParam().file);
  WeightFile from = file;
  for (const Dialect target : {Dialect::mm, Dialect::official, Dialect::torchvision, Dialect::mm,
                               Dialect::torchvision, Dialect::official}) {
    const std::vector<NamedArray> written = to_dialect(from.arrays, target, config_of("upernet"));
    EXPECT_EQ(shapes_of(written), shapes_of(read_keys(list_of(target))));
    from = to_official(written, "back");
    EXPECT_EQ(from.dialect, target);
    EXPECT_EQ(bits_of(from.arrays), bits_of(file.arrays)) << name_of(target);
  }
  for (const Dialect other : {Dialect::timm, Dialect::huggingface})
    EXPECT_THAT(
        error_of<base::UsageError>([&] { to_dialect(file.arrays, other, config_of("upernet")); }),
        AllOf(HasSubstr("found a detector"), HasSubstr("mm (both generations"),
              HasSubstr("torchvision")));
}

TEST_P(Detectors, LieUnderAnyPrefixBesideOtherArrays) {
  const auto expected = bits_of(read_list(GetParam().file).arrays);
  for (const std::string prefix : {"module.", "model.", "net.detector."}) {
    std::vector<NamedArray> arrays = read_keys(GetParam().file);
    for (NamedArray& array : arrays) array.name.insert(0, prefix);
    arrays.push_back(floats("criterion.weight", {2}, {1, 2}));
    const WeightFile file = to_official(arrays, "file");
    EXPECT_EQ(file.kind, WeightKind::detector);
    EXPECT_EQ(bits_of(file.arrays), expected) << prefix;
    const bool torchvision = GetParam().dialect == Dialect::torchvision;
    const std::string lacking =
        torchvision ? "roi_heads.box_predictor.bbox_pred.bias" : "roi_head.bbox_head.fc_reg.bias";
    remove(arrays, lacking);
    EXPECT_THAT(missing_in(arrays), ElementsAre(prefix + lacking));
  }
}

TEST_P(Detectors, MayLackTheMaskHeadAsAWhole) {
  std::vector<NamedArray> arrays = read_keys(GetParam().file);
  remove(arrays, "conv_logits.");
  remove(arrays, "mask_fcn_logits.");
  EXPECT_EQ(missing_in(arrays).size(), 2u);
  remove(arrays, ".mask_head.");
  remove(arrays, ".mask_predictor.");
  const WeightFile file = to_official(arrays, "file");
  EXPECT_EQ(file.kind, WeightKind::detector);
  EXPECT_THAT(file.missing, IsEmpty());
  EXPECT_EQ(detector_name(file), "Faster R-CNN");
  EXPECT_EQ(infer_model_config(file).detector->mask_channels, 0);
}

TEST_P(Detectors, ShapesTellTheModelAndItsHeads) {
  const InferredConfig inferred = infer_model_config(read_list(GetParam().file));
  const ModelConfig expected = config_of("upernet");
  EXPECT_EQ(inferred.config.depths, expected.depths);
  EXPECT_EQ(inferred.config.num_heads, expected.num_heads);
  EXPECT_EQ(inferred.config.embed_dim, 8);
  EXPECT_EQ(inferred.config.num_classes, 5);
  EXPECT_EQ(inferred.config.window_size, (Size2{3, 3}));
  EXPECT_TRUE(inferred.config.window_sizes.empty());
  EXPECT_EQ(inferred.config.window_shrink, layers::WindowShrink::always_shift);
  EXPECT_FALSE(inferred.heads);
  ASSERT_TRUE(inferred.detector);
  EXPECT_EQ(inferred.detector->neck_channels, 6);
  EXPECT_EQ(inferred.detector->anchors, 3);
  EXPECT_EQ(inferred.detector->box_channels, 10);
  EXPECT_EQ(inferred.detector->mask_channels, 4);
  EXPECT_EQ(inferred.detector->mask_convolutions, 2);
  EXPECT_EQ(inferred.detector->cascade_stages, 0);
  EXPECT_EQ(inferred.detector->torchvision, GetParam().dialect == Dialect::torchvision);
  EXPECT_THAT(inferred.assumptions, ElementsAre(HasSubstr("image_size 800 × 1280"),
                                                HasSubstr("anchors.sizes 32 64 128 256 512")));
}

TEST(DetectorNames, ThePublishedModelHasItsSize) {
  for (const char* list : {"official_mask_rcnn_swin_tiny", "mm_mask_rcnn_swin_tiny"}) {
    const WeightFile file = to_official(shapes_in(list), "file");
    EXPECT_EQ(file.kind, WeightKind::detector);
    EXPECT_THAT(file.missing, IsEmpty());
    int64_t values = 0;
    for (const NamedArray& array : file.arrays) values += *files::num_elements_of(array.shape);
    EXPECT_EQ(values, 47'794'602);
    const InferredConfig inferred = infer_model_config(file);
    EXPECT_EQ(inferred.config.depths, (std::vector<int64_t>{2, 2, 6, 2}));
    EXPECT_EQ(inferred.config.num_heads, (std::vector<int64_t>{3, 6, 12, 24}));
    EXPECT_EQ(inferred.config.num_classes, 80);
    EXPECT_EQ(inferred.config.window_size, (Size2{7, 7}));
    EXPECT_EQ(inferred.detector->box_channels, 1024);
    EXPECT_EQ(inferred.detector->mask_convolutions, 4);
  }
}

TEST(DetectorNames, TorchvisionBeginsWithTheBackground) {
  const WeightFile file = read_list(kFirst);
  std::vector<NamedArray> written =
      to_dialect(file.arrays, Dialect::torchvision, config_of("upernet"));
  const std::string box = "roi_head.bbox_head.", predictor = "roi_heads.box_predictor.";
  for (const std::string leaf : {"weight", "bias"}) {
    const NamedArray& ours = *file.find(box + "fc_cls." + leaf);
    const NamedArray& theirs = at(written, predictor + "cls_score." + leaf);
    EXPECT_EQ(rows(theirs, 0, 1), rows(ours, 5, 1));
    EXPECT_EQ(rows(theirs, 1, 5), rows(ours, 0, 5));
    const NamedArray& deltas = at(written, predictor + "bbox_pred." + leaf);
    ASSERT_EQ(deltas.shape[0], 24);
    for (const float value : rows(deltas, 0, 4)) EXPECT_EQ(value, 0);
    EXPECT_EQ(rows(deltas, 4, 20), values_of(*file.find(box + "fc_reg." + leaf)));
    const NamedArray& logits = at(written, "roi_heads.mask_predictor.mask_fcn_logits." + leaf);
    ASSERT_EQ(logits.shape[0], 6);
    for (const float value : rows(logits, 0, 1)) EXPECT_EQ(value, 0);
    EXPECT_EQ(rows(logits, 1, 5), values_of(*file.find("roi_head.mask_head.conv_logits." + leaf)));
  }
  // The columns of the first layer after RoIAlign are (channel, y, x) in every library.
  EXPECT_EQ(values_of(at(written, "roi_heads.box_head.fc6.weight")),
            values_of(*file.find(box + "shared_fcs.0.weight")));
}

TEST(DetectorNames, RowsOfTorchvisionNeedTheBackgroundAndAClass) {
  std::vector<NamedArray> arrays = read_keys(kTorchvision);
  at(arrays, "roi_heads.box_predictor.bbox_pred.bias").shape = {4};
  EXPECT_THAT(read_error(arrays),
              HasSubstr("bbox_pred.bias of (4), expected rows for the background and one class"));
}

TEST(DetectorNames, PartsOfEveryKindAreMissed) {
  const std::pair<const char*, const char*> parts[] = {
      {"backbone.norm2.weight", "backbone.body.norm2.weight"},
      {"backbone.layers.1.blocks.1.norm1.bias", "backbone.body.layers.1.blocks.1.norm1.bias"},
      {"neck.lateral_convs.0.conv.bias", "backbone.fpn.inner_blocks.0.0.bias"},
      {"neck.fpn_convs.3.conv.weight", "backbone.fpn.layer_blocks.3.0.weight"},
      {"rpn_head.rpn_conv.weight", "rpn.head.conv.0.0.weight"},
      {"rpn_head.rpn_cls.bias", "rpn.head.cls_logits.bias"},
      {"rpn_head.rpn_reg.weight", "rpn.head.bbox_pred.weight"},
      {"roi_head.bbox_head.shared_fcs.1.weight", "roi_heads.box_head.fc7.weight"},
      {"roi_head.bbox_head.fc_cls.weight", "roi_heads.box_predictor.cls_score.weight"},
      {"roi_head.mask_head.convs.0.conv.bias", "roi_heads.mask_head.0.0.bias"},
      {"roi_head.mask_head.upsample.weight", "roi_heads.mask_predictor.conv5_mask.weight"},
  };
  for (const auto& [ours, theirs] : parts)
    for (const Dialect dialect : {Dialect::official, Dialect::torchvision}) {
      const std::string key = dialect == Dialect::official ? ours : theirs;
      std::vector<NamedArray> arrays = read_keys(list_of(dialect));
      std::erase_if(arrays, [&](const NamedArray& array) { return array.name == key; });
      const WeightFile file = to_official(arrays, "file");
      ASSERT_EQ(file.missing.size(), 1u) << key;
      EXPECT_EQ(file.missing[0].name, ours);
      EXPECT_EQ(file.missing[0].key, key);
      EXPECT_THAT(error_of<base::WeightError>([&] { require_complete(file); }), HasSubstr(key));
    }
  // A whole level, and both layers of the box head but one.
  std::vector<NamedArray> arrays = read_keys(kSecond);
  remove(arrays, "neck.fpn_convs.3.");
  EXPECT_THAT(missing_in(arrays),
              ElementsAre("neck.fpn_convs.3.conv.weight", "neck.fpn_convs.3.conv.bias"));
  arrays = read_keys(kTorchvision);
  remove(arrays, "fc7.");
  EXPECT_THAT(missing_in(arrays),
              ElementsAre("roi_heads.box_head.fc7.weight", "roi_heads.box_head.fc7.bias"));
}

TEST(DetectorNames, OthersAreRefusedWithTheNearest) {
  std::vector<NamedArray> arrays = read_keys(kSecond);
  at(arrays, "rpn_head.rpn_cls.bias").name = "rpn_head.rpn_class.bias";
  EXPECT_THAT(read_error(arrays),
              HasSubstr("found rpn_head.rpn_class.bias (nearest: rpn_head.rpn_cls.bias)"));
  arrays = read_keys(kTorchvision);
  at(arrays, "roi_heads.mask_predictor.conv5_mask.bias").name =
      "roi_heads.mask_predictor.conv5.bias";
  EXPECT_THAT(read_error(arrays), HasSubstr("(nearest: roi_heads.mask_predictor.conv5_mask.bias)"));
  // Semantic heads, as HTC has them, are known by name alone.
  arrays = read_keys(kSecond);
  arrays.push_back(floats("roi_head.semantic_head.conv_logits.bias", {1}, {1}));
  EXPECT_THAT(read_error(arrays), HasSubstr("found roi_head.semantic_head.conv_logits.bias"));
  ReadOptions options;
  options.allow = {"roi_head.semantic_head.*"};
  EXPECT_EQ(to_official(arrays, "file", options).kind, WeightKind::detector);
}

TEST(DetectorNames, WithOtherHeadsTheBackboneIsRead) {
  for (const Dialect dialect : {Dialect::official, Dialect::mm}) {
    std::vector<NamedArray> arrays = read_keys(list_of(dialect));
    remove(arrays, "roi_head.");
    arrays.push_back(floats("bbox_head.retina_cls.bias", {1}, {1}));
    const WeightFile file = to_official(arrays, "file");
    EXPECT_EQ(file.kind, WeightKind::backbone);
    EXPECT_FALSE(file.class_rows());
    EXPECT_EQ(file.num_classes(), 0);
    for (const WeightFile::Skipped& skipped : file.skipped)
      EXPECT_TRUE(is_derived_table(skipped.key) || skipped.reason == "not of the backbone");
  }
  // A box head of convolutions, as torchvision's second version has it.
  std::vector<NamedArray> arrays = read_keys(kTorchvision);
  for (NamedArray& array : arrays)
    if (const size_t found = array.name.find("box_head.fc6"); found != std::string::npos)
      array.name.replace(found, 12, "box_head.5");
  remove(arrays, "fc7.");
  EXPECT_EQ(to_official(arrays, "file").kind, WeightKind::backbone);
}

TEST(DetectorNames, OtherNetworksAreNamed) {
  EXPECT_THAT(read_error({floats("backbone.body.layer1.0.conv1.weight", {1}, {1})}),
              AllOf(HasSubstr("found backbone.body.layer1.0.conv1.weight, so a detector or a "
                              "segmenter on a ResNet, expected one on Swin"),
                    HasSubstr("not supported")));
  EXPECT_THAT(read_error({floats("layer1.0.conv1.weight", {1}, {1})}), HasSubstr("so a ResNet"));
  EXPECT_THAT(read_error({floats("backbone.bottom_up.stem.conv1.weight", {1}, {1})}),
              HasSubstr("so a model of detectron2"));
}

TEST(DetectorNames, CascadesAreReadAndWrittenByBothGenerations) {
  std::map<std::string, std::string> first;
  for (const Dialect dialect : {Dialect::official, Dialect::mm}) {
    const std::string list = name_of(dialect) + std::string("_cascade_mask_rcnn");
    const WeightFile file = read_list(list);
    EXPECT_EQ(file.kind, WeightKind::detector);
    EXPECT_EQ(file.dialect, dialect);
    EXPECT_THAT(file.missing, IsEmpty());
    EXPECT_EQ(detector_name(file), "Cascade Mask R-CNN");
    EXPECT_EQ(file.num_classes(), 5);
    const InferredConfig inferred = infer_model_config(file);
    EXPECT_EQ(inferred.detector->cascade_stages, 3);
    EXPECT_EQ(inferred.detector->mask_convolutions, 2);
    if (first.empty()) first = shapes_of(file.arrays);
    EXPECT_EQ(shapes_of(file.arrays), first);
    const auto written = to_dialect(file.arrays, dialect, config_of("upernet"));
    EXPECT_EQ(bits_of(written), bits_of(read_keys(list)));
    EXPECT_THAT(error_of<base::UsageError>(
                    [&] { to_dialect(file.arrays, Dialect::torchvision, config_of("upernet")); }),
                HasSubstr("found roi_head.bbox_head.0.shared_convs.0.conv.weight"));
    for (const char* part : {"bbox_head.1.fc_reg.bias", "bbox_head.2.shared_convs.3.bn.running_var",
                             "bbox_head.0.shared_fcs.0.weight", "mask_head.2.conv_logits.weight"}) {
      std::vector<NamedArray> arrays = read_keys(list);
      remove(arrays, part);
      EXPECT_THAT(missing_in(arrays), ElementsAre(std::string("roi_head.") + part));
    }
  }
}

TEST(DetectorNames, OtherNumbersOfAnchorsNeedAConfig) {
  std::vector<NamedArray> arrays = read_keys(kFirst);
  DistinctValues values;
  at(arrays, "rpn_head.rpn_cls.weight") = values.make("rpn_head.rpn_cls.weight", {9, 6, 1, 1});
  const WeightFile file = to_official(arrays, "file");
  EXPECT_THAT(
      error_of<base::WeightError>([&] { infer_model_config(file); }),
      AllOf(HasSubstr("9 anchors at each location of unknown sizes"), HasSubstr("--config")));
}

TEST(DetectorNames, ImagesArePreparedAsPublished) {
  for (const Dialect dialect : kLibraries) {
    const Preprocess preprocess = published_detector_preprocess(dialect);
    EXPECT_EQ(preprocess.resize->short_side, 800);
    EXPECT_EQ(preprocess.resize->long_side, 1333);
    EXPECT_EQ(preprocess.interpolation, "bilinear");
    EXPECT_THAT(preprocess.where,
                HasSubstr(dialect == Dialect::torchvision ? "torchvision's" : "mmdetection's"));
  }
}

}  // namespace
}  // namespace swin::weights
