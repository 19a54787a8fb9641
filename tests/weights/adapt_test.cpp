// Fine-tuning: weights of one model begin another.
#include "weights/adapt.h"

#include <algorithm>
#include <cmath>
#include <functional>

#include "base/errors.h"
#include "tests/layers/model_support.h"
#include "weights/dialects_derived.h"
#include "weights/parameter_names.h"
#include "weights/table_resize.h"

namespace swin::weights {

namespace {

using namespace swin::layers;

using Action = AdaptedTensor::Action;
using files::NamedArray;

NamedArray owned(const std::string& name, std::vector<int64_t> shape, std::vector<float> values) {
  const auto memory = std::make_shared<std::vector<float>>(std::move(values));
  NamedArray array = NamedArray::of(name, std::move(shape), *memory);
  array.owner = memory;
  return array;
}

std::vector<float> values_of(const ParameterEntry& entry, const Parameters& parameters) {
  const real* data = parameters.slab() + entry.offset;
  return {data, data + entry.numel()};
}

/// The parameters of a model as a file in official names.
WeightFile file_of(const Model& model) {
  WeightFile file;
  file.where = "weights.pth";
  file.format = "pth (zip)";
  file.model = model.config().name;
  for (size_t i = 0; i < model.parameters().size(); ++i) {
    const ParameterEntry& entry = model.parameters()[i];
    std::vector<int64_t> shape;
    for (int side = 0; side < entry.shape.rank(); ++side) shape.push_back(entry.shape[side]);
    file.arrays.push_back(owned(entry.name, shape, values_of(entry, model.parameters())));
  }
  return file;
}

NamedArray& array_of(WeightFile& file, const std::string& name) {
  for (NamedArray& array : file.arrays)
    if (array.name == name) return array;
  throw std::runtime_error("no " + name);
}

void remove(WeightFile& file, const std::string& name) {
  std::erase_if(file.arrays, [&](const NamedArray& array) { return array.name == name; });
}

std::vector<float> parameter(const Model& model, const std::string& name) {
  return values_of(*model.parameters().find(name), model.parameters());
}

AdaptReport adapt(Model& model, const WeightFile& file, const AdaptOptions& options = {},
                  const std::optional<ModelConfig>& source = std::nullopt) {
  return adapt_weights(model.parameters(), model.config(), file, source, options);
}

AdaptedTensor row(const AdaptReport& report, const std::string& name) {
  for (const AdaptedTensor& tensor : report.tensors)
    if (tensor.name == name) return tensor;
  ADD_FAILURE() << "no row of " << name;
  return {};
}

template <class Expected>
std::string refusal(const std::function<void()>& act) {
  try {
    act();
  } catch (const Expected& error) {
    return error.what();
  }
  ADD_FAILURE() << "nothing was thrown";
  return "";
}

ModelConfig square_config(int64_t image = 32, int64_t window = 4) {
  ModelConfig config = micro_config();
  config.image_size = {image, image};
  config.window_size = {window, window};
  return config;
}

class AdaptTest : public LayersTest {};

TEST_F(AdaptTest, TheSameModelIsLoadedWhole) {
  const Model from = random_model(square_config());
  Model to(square_config(), 9, false);
  const AdaptReport report = adapt(to, file_of(from));
  EXPECT_EQ(report.count(Action::loaded), static_cast<int64_t>(to.parameters().size()));
  EXPECT_EQ(report.tensors.size(), to.parameters().size());
  for (size_t i = 0; i < to.parameters().size(); ++i)
    EXPECT_EQ(parameter(to, to.parameters()[i].name), parameter(from, to.parameters()[i].name));
}

TEST_F(AdaptTest, TablesOfAnotherWindowAreResized) {
  const std::string name = "layers.0.blocks.1.attn.relative_position_bias_table";
  const Model from = random_model(square_config(32, 4));
  const std::vector<float> table = parameter(from, name);
  const std::vector<double> values(table.begin(), table.end());
  for (const auto& [resize, method] : {std::pair{PositionResize::bicubic, GridResize::bicubic},
                                       {PositionResize::timm, GridResize::geometric}}) {
    Model to(square_config(32, 8), 9, false);
    AdaptOptions options;
    options.position_resize = resize;
    const AdaptReport report = adapt(to, file_of(from), options);
    EXPECT_EQ(report.count(Action::resized), 4);
    EXPECT_EQ(row(report, name).detail.find("windows of 4×4 → 8×8, "), 0u);
    const auto expected = resize_grid(values, {7, 7}, {15, 15}, 2, method);
    const std::vector<float> found = parameter(to, name);
    ASSERT_EQ(found.size(), expected.size());
    for (size_t i = 0; i < found.size(); ++i)
      ASSERT_EQ(found[i], static_cast<float>(expected[i])) << i;
  }
}

TEST_F(AdaptTest, WindowsThatAreNotSquareAreKnownFromTheFilesConfig) {
  ModelConfig narrow = square_config();
  narrow.window_size = {2, 5};
  ModelConfig wide = narrow;
  wide.window_size = {5, 2};
  const Model from = random_model(narrow);
  Model to(wide, 9, false);
  // Equal shapes, but other windows: without the config they would be taken as they are.
  const AdaptReport report = adapt(to, file_of(from), {}, narrow);
  EXPECT_EQ(report.count(Action::resized), 4);
  EXPECT_EQ(row(report, "layers.1.blocks.0.attn.relative_position_bias_table").detail,
            "windows of 2×5 → 5×2, bicubic");

  Model square(square_config(32, 4), 9, false);
  const std::string message = refusal<base::WeightError>([&] { adapt(square, file_of(from)); });
  EXPECT_NE(message.find("weights.pth: found layers.0.blocks.0.attn.relative_position_bias_table "
                         "with shape (27, 2), expected (49, 2) (no square window has such a "
                         "table"),
            std::string::npos)
      << message;
}

TEST_F(AdaptTest, AWindowThatShrinksWithItsMapIsTheOneInUse) {
  ModelConfig small = square_config(32, 7);  // maps of 8 and 4 tokens
  small.window_shrink = WindowShrink::official;
  ModelConfig large = square_config(64, 7);  // of 16 and 8
  large.window_shrink = WindowShrink::official;
  Model to(large, 9, false);
  const AdaptReport report = adapt(to, file_of(random_model(small)), {}, small);
  EXPECT_EQ(row(report, "layers.0.blocks.0.attn.relative_position_bias_table").action,
            Action::loaded);
  EXPECT_EQ(row(report, "layers.1.blocks.0.attn.relative_position_bias_table").detail,
            "windows of 4×4 → 7×7, bicubic");
}

TEST_F(AdaptTest, HeadsOfAnotherNumberNeverMix) {
  ModelConfig other = square_config();
  other.num_heads = {1, 2};
  Model to(square_config(32, 8), 9, false);
  const std::string message =
      refusal<base::WeightError>([&] { adapt(to, file_of(random_model(other))); });
  EXPECT_NE(message.find("relative_position_bias_table with shape (49, 1), expected (225, 2)"),
            std::string::npos)
      << message;
}

TEST_F(AdaptTest, AbsolutePositionsAreResized) {
  ModelConfig small = square_config(32);
  small.ape = true;
  ModelConfig large = square_config(48);
  large.ape = true;
  const Model from = random_model(small);
  const std::vector<float> embedding = parameter(from, "absolute_pos_embed");
  for (const auto& [resize, method] : {std::pair{PositionResize::bicubic, GridResize::bicubic},
                                       {PositionResize::timm, GridResize::bicubic_antialias}}) {
    Model to(large, 9, false);
    AdaptOptions options;
    options.position_resize = resize;
    const AdaptReport report = adapt(to, file_of(from), options);
    EXPECT_EQ(row(report, "absolute_pos_embed").action, Action::resized);
    const auto expected = resize_grid(std::vector<double>(embedding.begin(), embedding.end()),
                                      {8, 8}, {12, 12}, 8, method);
    const std::vector<float> found = parameter(to, "absolute_pos_embed");
    for (size_t i = 0; i < expected.size(); ++i)
      ASSERT_EQ(found[i], static_cast<float>(expected[i]));
  }
}

ModelConfig vit_config(int64_t image, const std::string& pool = "token") {
  ModelConfig config;
  config.name = "vit";
  config.image_size = {image, image};
  config.patch_size = 4;
  config.embed_dim = 8;
  config.depths = {2};
  config.num_heads = {2};
  config.mlp_ratio = 2;
  config.global_pool = pool;
  config.num_classes = 5;
  return config;
}

TEST_F(AdaptTest, TheClassTokensRowStaysApart) {
  const Model from = random_model(vit_config(16));
  Model to(vit_config(24), 9, false);
  const AdaptReport report = adapt(to, file_of(from));
  EXPECT_EQ(row(report, "pos_embed").detail, "map of 4×4 → 6×6, bicubic with antialiasing");
  const std::vector<float> before = parameter(from, "pos_embed"),
                           after = parameter(to, "pos_embed");
  ASSERT_EQ(after.size(), 37u * 8);
  EXPECT_TRUE(std::equal(before.begin(), before.begin() + 8, after.begin()));
  const auto expected = resize_grid(std::vector<double>(before.begin() + 8, before.end()), {4, 4},
                                    {6, 6}, 8, GridResize::bicubic_antialias);
  for (size_t i = 0; i < expected.size(); ++i)
    ASSERT_EQ(after[8 + i], static_cast<float>(expected[i]));

  // A model that averages has no such row; what else differs must be allowed by name.
  Model mean(vit_config(16, "avg"), 9, false);
  EXPECT_THROW(adapt(mean, file_of(from)), base::WeightError);
  AdaptOptions options;
  options.allow_missing = {"fc_norm.*"};
  options.allow_unexpected = {"norm.*", "cls_token"};
  const AdaptReport averaged = adapt(mean, file_of(from), options);
  EXPECT_EQ(row(averaged, "pos_embed").action, Action::adapted);
  EXPECT_EQ(parameter(mean, "pos_embed"), std::vector<float>(before.begin() + 8, before.end()));
  EXPECT_EQ(row(averaged, "fc_norm.weight").action, Action::missing);
  EXPECT_EQ(row(averaged, "cls_token").action, Action::skipped);
}

TEST_F(AdaptTest, InputChannels) {
  const Model from = random_model(square_config());
  const std::vector<float> w = parameter(from, "patch_embed.proj.weight");  // (8, 3, 4, 4)
  const auto adapted = [&](int64_t channels) {
    ModelConfig config = square_config();
    config.in_chans = channels;
    Model to(config, 9, false);
    const AdaptReport report = adapt(to, file_of(from));
    EXPECT_EQ(row(report, "patch_embed.proj.weight").action, Action::adapted);
    return parameter(to, "patch_embed.proj.weight");
  };
  const auto grey = adapted(1), five = adapted(5);
  for (size_t o = 0; o < 8; ++o)
    for (size_t p = 0; p < 16; ++p) {
      const auto at = [&](size_t c) { return static_cast<double>(w[(o * 3 + c) * 16 + p]); };
      EXPECT_NEAR(grey[o * 16 + p], at(0) + at(1) + at(2), 1e-6);
      for (size_t c = 0; c < 5; ++c)
        EXPECT_NEAR(five[(o * 5 + c) * 16 + p], at(c % 3) * 3 / 5, 1e-6);
    }

  // Grey weights on RGB: a grey image in three channels is seen as before.
  ModelConfig one = square_config();
  one.in_chans = 1;
  const Model single = random_model(one);
  Model to(square_config(), 9, false);
  adapt(to, file_of(single));
  const auto rgb = parameter(to, "patch_embed.proj.weight");
  const auto kept = parameter(single, "patch_embed.proj.weight");
  for (size_t c = 0; c < 3; ++c) EXPECT_NEAR(rgb[c * 16 + 5], kept[5] / 3, 1e-7);

  ModelConfig six = square_config();
  six.in_chans = 6;
  Model back(square_config(), 9, false);
  EXPECT_NE(refusal<base::WeightError>([&] {
              adapt(back, file_of(random_model(six)));
            }).find("only weights for 1 or 3 channels"),
            std::string::npos);
}

TEST_F(AdaptTest, HeadOfOtherClasses) {
  ModelConfig seven = square_config();
  seven.num_classes = 7;
  const Model from = random_model(seven);
  const Model fresh(square_config(), 9, false);
  {
    Model to(square_config(), 9, false);
    const AdaptReport report = adapt(to, file_of(from));
    EXPECT_EQ(row(report, "head.weight").action, Action::reinitialized);
    EXPECT_EQ(row(report, "head.bias").detail, "7 classes in the file, 5 here");
    EXPECT_EQ(parameter(to, "head.weight"), parameter(fresh, "head.weight"));  // (seed, name)
    EXPECT_EQ(parameter(to, "norm.weight"), parameter(from, "norm.weight"));
  }
  AdaptOptions keep;
  keep.head = HeadInit::keep;
  Model to(square_config(), 9, false);
  EXPECT_NE(refusal<base::WeightError>([&] {
              adapt(to, file_of(from), keep);
            }).find("found head.weight with shape (7, 16), expected (5, 16)"),
            std::string::npos);
  // Nothing is changed unless everything fits.
  EXPECT_EQ(parameter(to, "norm.weight"), parameter(fresh, "norm.weight"));

  AdaptOptions reset;
  reset.head = HeadInit::reset;
  const AdaptReport report = adapt(to, file_of(random_model(square_config())), reset);
  EXPECT_EQ(row(report, "head.weight").detail, "init.head is \"reset\"");
  EXPECT_EQ(parameter(to, "head.weight"), parameter(fresh, "head.weight"));

  // A file without a head: begun anew, unless it must be kept.
  WeightFile headless = file_of(from);
  remove(headless, "head.weight");
  remove(headless, "head.bias");
  EXPECT_EQ(row(adapt(to, headless), "head.weight").detail, "not in the file");
  EXPECT_THROW(adapt(to, headless, keep), base::WeightError);
}

TEST_F(AdaptTest, ClassRowsChooseTheHeadsRows) {
  ModelConfig seven = square_config();
  seven.num_classes = 7;
  const Model from = random_model(seven);
  Model to(square_config(), 9, false);
  AdaptOptions options;
  options.class_rows = {6, 0, 0, 3, 2};
  options.class_rows_where = "map.txt";
  const AdaptReport report = adapt(to, file_of(from), options);
  EXPECT_EQ(row(report, "head.weight").action, Action::adapted);
  EXPECT_EQ(row(report, "head.weight").detail, "5 of 7 classes, by map.txt");
  const auto w = parameter(from, "head.weight"), b = parameter(from, "head.bias");
  const auto our_w = parameter(to, "head.weight"), our_b = parameter(to, "head.bias");
  for (size_t k = 0; k < 5; ++k) {
    const size_t source = static_cast<size_t>(options.class_rows[k]);
    EXPECT_EQ(our_b[k], b[source]);
    for (size_t c = 0; c < 16; ++c) EXPECT_EQ(our_w[k * 16 + c], w[source * 16 + c]);
  }
  options.class_rows[3] = 7;
  EXPECT_EQ(refusal<base::UsageError>([&] { adapt(to, file_of(from), options); }),
            "map.txt:4: found class 7, expected one from 0 to 6, the classes of weights.pth; "
            "correct the line");
  options.class_rows = {0, 1};
  EXPECT_NE(refusal<base::UsageError>([&] {
              adapt(to, file_of(from), options);
            }).find("map.txt: found 2 lines, expected one for each of the 5 classes"),
            std::string::npos);
}

TEST_F(AdaptTest, MissingAndUnexpectedNamesAreErrorsUnlessAllowed) {
  const Model from = random_model(square_config());
  WeightFile file = file_of(from);
  remove(file, "norm.bias");
  file.arrays.push_back(owned("extra.scale", {2}, {1, 2}));
  Model to(square_config(), 9, false);
  const std::string message = refusal<base::WeightError>([&] { adapt(to, file); });
  EXPECT_NE(message.find("found no norm.bias, expected it with shape (16)"), std::string::npos)
      << message;
  EXPECT_NE(message.find("found extra.scale, expected no parameter of that name"),
            std::string::npos);
  AdaptOptions options;
  options.allow_missing = {"norm.*"};
  options.allow_unexpected = {"extra*"};
  const AdaptReport report = adapt(to, file, options);
  EXPECT_EQ(row(report, "norm.bias").action, Action::missing);
  EXPECT_EQ(row(report, "extra.scale").action, Action::skipped);
  EXPECT_EQ(parameter(to, "norm.weight"), parameter(from, "norm.weight"));

  array_of(file, "norm.weight").shape = {4, 4};
  EXPECT_THROW(adapt(to, file, options), base::WeightError);
  WeightFile other = file_of(from);
  other.model = "swin_v2";
  EXPECT_EQ(refusal<base::WeightError>([&] { adapt(to, other); }),
            "weights.pth: found weights of a swin_v2, expected a swin; set model.name to "
            "\"swin_v2\" or choose another file");
}

TEST_F(AdaptTest, ShapesThatNoModelHasAreRefused) {
  ModelConfig config = square_config();
  config.ape = true;
  Model to(config, 9, false);
  const Model from = random_model(config);
  for (const auto& [name, shape] : std::vector<std::pair<std::string, std::vector<int64_t>>>{
           {"absolute_pos_embed", {1, 0, 8}},
           {"absolute_pos_embed", {0}},
           {"absolute_pos_embed", {1, 3, 8}},
           {"layers.0.blocks.0.attn.relative_position_bias_table", {0, 2}},
           {"layers.0.blocks.0.attn.relative_position_bias_table", {4, 2}},
           {"layers.0.blocks.0.attn.relative_position_bias_table", {}},
           {"patch_embed.proj.weight", {8, 0, 4, 4}},
           {"patch_embed.proj.weight", {8, 3, 2, 8}},
           {"head.weight", {}},
           {"norm.weight", {0}}}) {
    WeightFile file = file_of(from);
    NamedArray& array = array_of(file, name);
    int64_t numel = 1;
    for (const int64_t side : shape) numel *= side;
    array = owned(name, shape, std::vector<float>(static_cast<size_t>(numel)));
    AdaptOptions keep;
    keep.head = HeadInit::keep;
    EXPECT_NE(refusal<base::WeightError>([&] { adapt(to, file, keep); }).find(name),
              std::string::npos);
  }
}

TEST_F(AdaptTest, TheEncoderOfSimMIMTrainsOn) {
  const Model from = random_model(square_config());
  WeightFile file = file_of(from);
  remove(file, "head.weight");
  remove(file, "head.bias");
  for (NamedArray& array : file.arrays) array.name = "encoder." + array.name;
  file.kind = WeightKind::simmim;
  file.arrays.push_back(owned("encoder.mask_token", {1, 1, 8}, std::vector<float>(8)));
  file.arrays.push_back(owned("decoder.0.bias", {192}, std::vector<float>(192)));
  Model to(square_config(), 9, false);
  const AdaptReport report = adapt(to, file);
  EXPECT_EQ(row(report, "encoder.mask_token").detail, "of SimMIM's pretraining");
  EXPECT_EQ(row(report, "decoder.0.bias").action, Action::skipped);
  EXPECT_EQ(row(report, "head.weight").action, Action::reinitialized);
  EXPECT_EQ(report.count(Action::loaded), static_cast<int64_t>(to.parameters().size()) - 2);
  EXPECT_EQ(parameter(to, "norm.weight"), parameter(from, "norm.weight"));
}

// ---- Swin V2's windows

ModelConfig v2(int64_t image, int64_t window) {
  ModelConfig config;
  config.name = "swin_v2";
  config.image_size = {image, image};
  config.window_size = {window, window};
  config.num_classes = 5;
  return config;
}

WeightFile with_tables(const ModelConfig& config) {
  WeightFile file;
  file.where = "v2.pth";
  file.model = "swin_v2";
  for (int64_t stage = 0; stage < config.num_stages(); ++stage) {
    const Size2 window = stage_windows(config, stage).window;
    file.derived.push_back(
        owned("layers." + std::to_string(stage) + ".blocks.0.attn.relative_coords_table",
              {1, 2 * window[0] - 1, 2 * window[1] - 1, 2},
              relative_coords_table(window, config.pretrained_window_of(stage))));
  }
  return file;
}

TEST(PretrainedWindows, AreThoseInUseWhereTheWeightsWereTrained) {
  // The published fine-tuning from window 12 at 192 px to 16 at 256 px: [12, 12, 12, 6].
  const std::vector<int64_t> published = {12, 12, 12, 6};
  const ModelConfig source = v2(192, 12), config = v2(256, 16);
  const PretrainedWindows by_config = pretrained_windows(WeightFile{}, source, config);
  EXPECT_TRUE(by_config.known);
  EXPECT_EQ(by_config.sizes, published);
  EXPECT_EQ(pretrained_windows(with_tables(source), std::nullopt, config).sizes, published);
  EXPECT_EQ(pretrained_windows(with_tables(source), std::nullopt, config).how,
            "its relative_coords_table");

  // From there on to 24 at 384 px: the network still knows coordinates divided by 12 and 6.
  ModelConfig second = config;
  second.pretrained_window_sizes = published;
  EXPECT_EQ(pretrained_windows(WeightFile{}, second, v2(384, 24)).sizes, published);
  EXPECT_EQ(pretrained_windows(with_tables(second), std::nullopt, v2(384, 24)).sizes, published);

  // The same windows: nothing to say.
  EXPECT_TRUE(pretrained_windows(WeightFile{}, source, source).sizes.empty());
  EXPECT_TRUE(pretrained_windows(with_tables(source), std::nullopt, source).sizes.empty());
  EXPECT_TRUE(pretrained_windows(with_tables(source), std::nullopt, source).known);
  // A file that does not tell.
  EXPECT_FALSE(pretrained_windows(WeightFile{}, std::nullopt, config).known);
  // Nor do tables that no window has, or coordinates that are none.
  WeightFile odd;
  for (const std::vector<int64_t>& shape : {std::vector<int64_t>{0, 3, 3, 2}, {1, 4, 3, 2}, {1}})
    odd.derived.push_back(
        owned("layers.0.blocks.0.attn.relative_coords_table", shape,
              std::vector<float>(shape.size() == 1 ? 1 : static_cast<size_t>(shape[0] * 24))));
  odd.derived.push_back(owned("layers.0.blocks.0.attn.relative_position_index", {0}, {}));
  EXPECT_FALSE(pretrained_windows(odd, std::nullopt, config).known);
  WeightFile wild = with_tables(source);
  for (NamedArray& table : wild.derived)
    table = owned(table.name, table.shape,
                  std::vector<float>(static_cast<size_t>(table.num_elements()), NAN));
  EXPECT_EQ(pretrained_windows(wild, std::nullopt, config).sizes, published);
  // Indices alone tell the window.
  WeightFile indices;
  for (int64_t stage = 0; stage < 4; ++stage)
    indices.derived.push_back(
        owned("layers." + std::to_string(stage) + ".blocks.0.attn.relative_position_index",
              {16, 16}, std::vector<float>(256)));
  EXPECT_EQ(pretrained_windows(indices, std::nullopt, config).sizes,
            (std::vector<int64_t>{4, 4, 4, 4}));
}

TEST(PretrainedWindows, WindowsThatAreNotSquareMustStay) {
  ModelConfig source = v2(256, 8);
  source.window_size = {4, 8};
  EXPECT_TRUE(pretrained_windows(WeightFile{}, source, source).sizes.empty());
  EXPECT_TRUE(pretrained_windows(with_tables(source), std::nullopt, source).sizes.empty());
  EXPECT_NE(refusal<base::UsageError>([&] {
              pretrained_windows(WeightFile{}, source, v2(256, 8));
            }).find("found weights with windows of 4×8 in stage 0"),
            std::string::npos);
}

TEST(ParameterNames, LayersAreCountedAsInThePublishedFineTuning) {
  ModelConfig config;  // depths 2, 2, 6, 2
  EXPECT_EQ(num_layers(config), 14);
  for (const auto& [name, layer] : std::vector<std::pair<std::string, int64_t>>{
           {"patch_embed.proj.weight", 0},
           {"encoder.mask_token", 0},
           {"layers.0.blocks.0.norm1.weight", 1},
           {"layers.0.blocks.1.attn.qkv.weight", 2},
           {"layers.0.downsample.reduction.weight", 2},
           {"layers.1.blocks.0.mlp.fc1.bias", 3},
           {"layers.1.downsample.norm.bias", 4},
           {"layers.2.blocks.5.attn.relative_position_bias_table", 10},
           {"encoder.layers.2.downsample.norm.weight", 10},
           {"layers.3.blocks.1.norm2.bias", 12},
           {"norm.weight", 13},
           {"head.weight", 13},
           {"absolute_pos_embed", 13}})
    EXPECT_EQ(layer_of(name, config), layer) << name;
  ModelConfig vit;
  vit.name = "vit";
  vit.depths = {12};
  EXPECT_EQ(num_layers(vit), 14);
  EXPECT_EQ(layer_of("cls_token", vit), 0);
  EXPECT_EQ(layer_of("pos_embed", vit), 0);
  EXPECT_EQ(layer_of("patch_embed.proj.bias", vit), 0);
  EXPECT_EQ(layer_of("blocks.11.norm1.weight", vit), 12);
  EXPECT_EQ(layer_of("fc_norm.weight", vit), 13);
}

}  // namespace
}  // namespace swin::weights
