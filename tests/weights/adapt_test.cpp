// Fine-tuning: weights of one model start another.
#include "weights/adapt.h"

#include <utility>

#include "tests/weights/adapt_support.h"

namespace swin::weights {
namespace {

TEST_F(AdaptTest, TheSameModelIsLoadedWhole) {
  const Model from = random_model(square_config());
  Model to(square_config(), 9, false);
  const AdaptReport report = adapt(to, file_of(from));
  EXPECT_EQ(report.count(Action::loaded), static_cast<int64_t>(to.parameters().size()));
  EXPECT_EQ(report.tensors.size(), to.parameters().size());
  for (size_t i = 0; i < to.parameters().size(); ++i)
    EXPECT_EQ(parameter(to, to.parameters()[i].name), parameter(from, to.parameters()[i].name));
}

TEST_F(AdaptTest, InputChannelsAreSummedOrRepeated) {
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
  const auto gray = adapted(1), five = adapted(5);
  for (size_t o = 0; o < 8; ++o)
    for (size_t p = 0; p < 16; ++p) {
      const auto at = [&](size_t c) { return static_cast<double>(w[(o * 3 + c) * 16 + p]); };
      EXPECT_NEAR(gray[o * 16 + p], at(0) + at(1) + at(2), 1e-6);
      for (size_t c = 0; c < 5; ++c)
        EXPECT_NEAR(five[(o * 5 + c) * 16 + p], at(c % 3) * 3 / 5, 1e-6);
    }

  // Gray weights on RGB: a gray image in three channels gives the same patch embedding.
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

/// A model of the named classes, as a file that has them.
WeightFile named_file(const Model& model, std::vector<std::string> names) {
  WeightFile file = file_of(model);
  file.class_names = std::move(names);
  return file;
}

/// Row k of head.weight and head.bias.
std::vector<float> head_row(const Model& model, size_t k) {
  const std::vector<float> weight = parameter(model, "head.weight");
  const auto begin = weight.begin() + static_cast<std::ptrdiff_t>(k * 16);
  std::vector<float> row(begin, begin + 16);
  row.push_back(parameter(model, "head.bias")[k]);
  return row;
}

TEST_F(AdaptTest, RowsOfTheHeadGoByName) {
  const Model from = random_model(square_config());  // 5 classes, 16 channels
  const WeightFile file = named_file(from, {"ant", "bee", "cat", "dog", "caf\u00e9"});
  struct Case {
    std::vector<std::string> names;
    std::vector<int> rows;  // -1: new
    const char* detail;
  };
  const Case cases[] = {
      {{"dog", "bee", "ant", "cafe\u0301", "cat"}, {3, 1, 0, 4, 2}, "5 kept, in another order"},
      {{"bee", "cat"}, {1, 2}, "2 kept, 3 dropped (ant, dog, caf\u00e9)"},
      {{"ant", "bee", "cat", "dog", "caf\u00e9", "emu"},
       {0, 1, 2, 3, 4, -1},
       "5 kept, 1 new (emu)"},
      {{"ant", "emu", "cat", "gnu", "yak"},
       {0, -1, 2, -1, -1},
       "2 kept, 3 dropped (bee, dog, caf\u00e9), 3 new (emu, gnu, yak)"}};
  for (const Case& c : cases) {
    ModelConfig config = square_config();
    config.num_classes = std::ssize(c.names);
    const Model fresh(config, 9, false);
    Model to(config, 9, false);
    AdaptOptions options;
    options.class_names = c.names;
    const AdaptReport report = adapt(to, file, options);
    for (size_t k = 0; k < c.rows.size(); ++k)
      EXPECT_EQ(head_row(to, k),
                c.rows[k] < 0 ? head_row(fresh, k) : head_row(from, static_cast<size_t>(c.rows[k])))
          << c.detail << " row " << k;
    for (const char* name : {"head.weight", "head.bias"}) {
      EXPECT_EQ(row(report, name).action, Action::adapted);
      EXPECT_EQ(row(report, name).detail, std::string("rows by class name: ") + c.detail);
    }
  }
}

TEST_F(AdaptTest, EqualNamesLoadTheHeadAsItIs) {
  const Model from = random_model(square_config());
  const std::vector<std::string> names = {"a", "b", "c", "d", "caf\u00e9"};
  AdaptOptions options;
  options.class_names = {"a", "b", "c", "d", "cafe\u0301"};
  Model to(square_config(), 9, false);
  const AdaptReport report = adapt(to, named_file(from, names), options);
  EXPECT_EQ(row(report, "head.weight").action, Action::loaded);
  EXPECT_EQ(row(report, "head.weight").detail, "");
  EXPECT_EQ(parameter(to, "head.weight"), parameter(from, "head.weight"));
}

TEST_F(AdaptTest, WithoutNamesOnBothSidesRowsStayByNumberAndThatIsSaid) {
  const Model from = random_model(square_config());
  const std::vector<std::string> names = {"a", "b", "c", "d", "e"};
  const auto detail = [&](std::vector<std::string> theirs, std::vector<std::string> ours) {
    AdaptOptions options;
    options.class_names = std::move(ours);
    Model to(square_config(), 9, false);
    const AdaptReport report = adapt(to, named_file(from, std::move(theirs)), options);
    EXPECT_EQ(row(report, "head.weight").action, Action::loaded);
    EXPECT_EQ(parameter(to, "head.weight"), parameter(from, "head.weight"));
    return row(report, "head.weight").detail;
  };
  EXPECT_EQ(detail({}, names), "rows by number: the file has no class names");
  EXPECT_EQ(detail(names, {}), "rows by number: the data have class numbers, the file has names");
  EXPECT_EQ(detail({}, {}), "");
}

TEST_F(AdaptTest, NoNameInCommonIsAnotherHead) {
  const Model from = random_model(square_config());
  const WeightFile file = named_file(from, {"a", "b", "c", "d", "e"});
  AdaptOptions options;
  options.class_names = {"v", "w", "x", "y", "z"};
  const Model fresh(square_config(), 9, false);
  Model to(square_config(), 9, false);
  const AdaptReport report = adapt(to, file, options);
  EXPECT_EQ(row(report, "head.weight").action, Action::reinitialized);
  EXPECT_EQ(row(report, "head.bias").detail, "5 classes in the file, 5 here, no name in common");
  EXPECT_EQ(parameter(to, "head.weight"), parameter(fresh, "head.weight"));
  // "keep" wants a row for each class; class_index_file decides before the names.
  options.class_names = {"a", "b", "x", "d", "e"};
  options.head = HeadInit::keep;
  const std::string message = refusal<base::WeightError>([&] { adapt(to, file, options); });
  EXPECT_NE(message.find("found no head row of the class x"), std::string::npos) << message;
  options.head = HeadInit::automatic;
  options.class_rows = {4, 3, 2, 1, 0};
  options.class_rows_where = "map.txt";
  adapt(to, file, options);
  EXPECT_EQ(head_row(to, 0), head_row(from, 4));
}

TEST_F(AdaptTest, AHeadOfOtherClassesKeepsItsInitialValues) {
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
  // As the head does not fit, no parameter changed.
  EXPECT_EQ(parameter(to, "norm.weight"), parameter(fresh, "norm.weight"));

  AdaptOptions reset;
  reset.head = HeadInit::reset;
  const AdaptReport report = adapt(to, file_of(random_model(square_config())), reset);
  EXPECT_EQ(row(report, "head.weight").detail, "init.head is \"reset\"");
  EXPECT_EQ(parameter(to, "head.weight"), parameter(fresh, "head.weight"));

  // Without a head in the file it keeps its initial values, unless it must be loaded.
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
    for (const int64_t dim : shape) numel *= dim;
    array = owned(name, shape, std::vector<float>(static_cast<size_t>(numel)));
    AdaptOptions keep;
    keep.head = HeadInit::keep;
    EXPECT_NE(refusal<base::WeightError>([&] { adapt(to, file, keep); }).find(name),
              std::string::npos);
  }
}

TEST_F(AdaptTest, TheEncoderOfSimMimStartsAClassifier) {
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

// Statistics of batch norm come with the weights that they belong to.
TEST_F(AdaptTest, BuffersAreTakenLikeParameters) {
  Parameters parameters;
  const Scope scope = Scope(parameters) / "neck";
  scope.parameter("weight", {2}, Initializer::zeros());
  scope.buffer("running_mean", {3}, Initializer::zeros());
  parameters.allocate(false);
  parameters.initialize(1);
  WeightFile file;
  file.where = "weights.pth";
  file.model = "swin";
  file.arrays = {owned("neck.weight", {2}, {1, 2}), owned("neck.running_mean", {3}, {4, 5, 6})};
  const AdaptReport report =
      adapt_weights(parameters, square_config(), file, std::nullopt, AdaptOptions{});
  EXPECT_EQ(row(report, "neck.running_mean").action, Action::loaded);
  EXPECT_EQ(parameters[0].tensor.values(), (std::vector<real>{1, 2}));
  EXPECT_EQ(parameters.buffers()[0].tensor.values(), (std::vector<real>{4, 5, 6}));
  remove(file, "neck.running_mean");
  EXPECT_NE(refusal<base::WeightError>([&] {
              adapt_weights(parameters, square_config(), file, std::nullopt, AdaptOptions{});
            }).find("found no neck.running_mean, expected it with shape (3)"),
            std::string::npos);
}

}  // namespace
}  // namespace swin::weights
