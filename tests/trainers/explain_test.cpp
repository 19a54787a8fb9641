// explain: windows, attention and class maps are those of the model.
#include "trainers/explain/explain.h"

#include <gmock/gmock.h>

#include <algorithm>
#include <cmath>
#include <numeric>

#include "autograd/tape/op.h"
#include "data/decode/decode.h"
#include "tests/trainers/run_support.h"
#include "trainers/explain/attention.h"
#include "trainers/explain/class_map.h"

namespace swin::trainers {
namespace {

using namespace testing;
namespace fs = std::filesystem;
using ::testing::AllOf, ::testing::HasSubstr, ::testing::Not;

/// A picture that is no multiple of anything.
std::string picture_in(const fs::path& folder) {
  data::Image image{23, 31, 3, {}};
  for (int64_t i = 0; i < 23 * 31 * 3; ++i)
    image.pixels.push_back(static_cast<uint8_t>(i * i / 7 % 251));
  data::write_png((folder / "picture.png").string(), image);
  return (folder / "picture.png").string();
}

// Maps of 6 × 6 and 3 × 3 tokens under windows of 4: padded, shifted and masked.
Config config_of(const std::vector<std::string>& sets) {
  std::vector<std::string> all = {"model.image_size=24", "model.patch_size=4", "model.depths=[2,2]",
                                  "schedule.steps=1", "schedule.warmup_steps=0"};
  all.insert(all.end(), sets.begin(), sets.end());
  return micro_config(all);
}

class Explain : public ::testing::Test {
 protected:
  std::string trained(const std::vector<std::string>& sets) const {
    return train(options_of(config_of(sets), directory_ / "run")).last;
  }
  TemporaryDirectory directory_;
  const std::string picture_ = picture_in(directory_ / "");
};

double sum_of(const base::Json& list) {
  double sum = 0;
  for (const base::Json& value : list.items()) sum += value.as_real();
  return sum;
}

bool has_part(const Explanation& explanation, const std::string& title) {
  return std::ranges::any_of(explanation.parts,
                             [&](const ExplainedPart& part) { return part.title == title; });
}

// All that stands beside pictures.
std::string words_of(const ExplainedPart& part) {
  std::string words;
  for (const std::string& text : part.text) words += text + "\n";
  for (const Picture& picture : part.pictures) words += picture.caption + "\n";
  return words;
}

// Rows sum to 1, masked pairs are exactly zero, and v gives the kernel's result.
void expect_attention(const base::Json& attention, int64_t heads) {
  ASSERT_EQ(std::ssize(attention.at("rows").items()), heads);
  EXPECT_NEAR(sum_of(attention.at("row")), 1, 1e-5);
  for (const base::Json& row : attention.at("rows").items()) {
    EXPECT_NEAR(sum_of(row), 1, 1e-5);
    for (size_t j = 0; j < row.size(); ++j)
      if (!attention.at("visible").items()[j].as_bool()) {
        EXPECT_EQ(row.items()[j].as_real(), 0);
      }
  }
  EXPECT_LT(attention.at("difference_to_kernel").as_real(), 1e-5);
}

// The output of a norm.
class Norm : public autograd::ForwardObserver {
 public:
  explicit Norm(std::string path) : path_(std::move(path)) {}
  void op_done(const autograd::OpDone& done) override {
    if (done.path == path_) y = done.y.values();
  }
  std::vector<real> y;

 private:
  std::string path_;
};

TEST_F(Explain, AttentionIsThatOfTheKernelForEveryPadModeAndVersion) {
  for (const char* name : {"swin", "swin_v2"})
    for (const char* mode : {"pad_then_roll", "roll_then_pad", "masked"}) {
      const std::string model =
          trained({std::string("model.name=") + name, std::string("model.pad_mode=") + mode});
      for (const Size2 token : {Size2{0, 0}, Size2{2, 3}}) {
        SCOPED_TRACE(std::string(name) + " " + mode + " " + base::size_text(token));
        const Explanation explanation =
            explain(model, picture_, {.stage = 0, .block = 1, .token = token});
        const base::Json& attention = explanation.json.at("attention");
        expect_attention(attention, 1);
        // The token is the key at its own place: un-shifted, it lies on its own pixels.
        const auto index = static_cast<size_t>(attention.at("index").as_int());
        EXPECT_EQ(attention.at("keys").items()[index], to_json(token));
        if (std::string(mode) == "masked") {
          EXPECT_EQ(attention.at("padding").as_real(), 0);
        }
        if (token == Size2{0, 0}) {
          // The window of the corner holds what the roll brought there, and the mask hides it.
          EXPECT_FALSE(std::ranges::all_of(attention.at("visible").items(),
                                           [](const base::Json& one) { return one.as_bool(); }));
        }
        EXPECT_EQ(explanation.json.at("relative_position_bias").at("heads").items()[0].size(), 49u);
      }
      fs::remove_all(directory_ / "run");
    }
}

TEST_F(Explain, TheRowIsThatOfTheTokensPlaceInItsWindow) {
  // Where the row of a token is among (windows, heads, N, N).
  const auto expect_row = [&](const std::string& model, BlockPlace place, Size2 token,
                              int64_t window, int64_t index) {
    const LoadedModel loaded = load_model(model);
    const ModelInput input = input_of(loaded.config, data::read_image(picture_, 3));
    const Tensor p = see_attention(*loaded.task, input, place).probabilities;
    const int64_t heads = p.dim(1), tokens = p.dim(3);
    const Explanation explanation =
        explain(model, picture_,
                {.stage = place.stage, .block = place.block, .head = heads - 1, .token = token});
    const base::Json& row = explanation.json.at("attention").at("row");
    for (int64_t j = 0; j < tokens; ++j)
      EXPECT_EQ(row.items()[static_cast<size_t>(j)].as_real(),
                static_cast<double>(
                    p.data()[((window * heads + heads - 1) * tokens + index) * tokens + j]));
  };
  // Token (3, 1) is rolled by (2, 2) on a map of 8 × 8 to (1, 7): in the second window, number 7.
  expect_row(trained({"model.num_heads=[2,2]"}), {0, 1}, {3, 1}, 1, 7);
  fs::remove_all(directory_ / "run");
  // The class token stands before the 36 others.
  expect_row(trained({"model.name=vit", "model.depths=[2]", "model.num_heads=[2]"}), {0, 1}, {5, 0},
             0, 1 + 30);
}

TEST_F(Explain, WindowsAreThoseOfWindowLayout) {
  const std::string model = trained({});
  const layers::ModelConfig config = load_model(model).task->model_config();
  const Explanation explanation = explain(model, picture_, {});
  const auto& stages = explanation.json.at("stages").items();
  ASSERT_EQ(std::ssize(stages), config.num_stages());
  for (int64_t stage = 0; stage < config.num_stages(); ++stage) {
    const auto& blocks = stages[static_cast<size_t>(stage)].at("blocks").items();
    ASSERT_EQ(blocks.size(), 2u);
    for (int64_t block = 0; block < 2; ++block) {
      const WindowLayout layout = layers::window_layout(config, stage, block);
      const base::Json& found = blocks[static_cast<size_t>(block)];
      EXPECT_EQ(found.at("window"), to_json(layout.window));
      EXPECT_EQ(found.at("shift"), to_json(layout.shift));
      EXPECT_EQ(found.at("padded"), to_json(layout.padded));
      EXPECT_EQ(found.at("windows").as_int(), layout.windows());
    }
  }
  // The regions are the labels of the mask, put back to where the tokens were before the roll.
  const WindowLayout shifted = layers::window_layout(config, 0, 1);
  const std::vector<int32_t> rows = autograd::window_rows(shifted),
                             labels = autograd::window_labels(shifted);
  const auto& regions = explanation.json.at("shift").at("regions").items();
  for (size_t i = 0; i < rows.size(); ++i)
    EXPECT_EQ(regions[static_cast<size_t>(rows[i] / shifted.padded[1])]
                  .items()[static_cast<size_t>(rows[i] % shifted.padded[1])]
                  .as_int(),
              labels[i]);
  // Stage 1 is one window: without --stage the last shifted block is that of stage 0.
  EXPECT_EQ(explanation.json.at("attention").at("stage").as_int(), 0);
  EXPECT_EQ(explanation.json.at("attention").at("block").as_int(), 1);
  EXPECT_THAT(explanation.parts[1].pictures[1].caption, HasSubstr("is dropped"));
  EXPECT_THAT(explanation.parts[1].pictures[0].caption, HasSubstr("padded with zeros to 8 × 8"));
}

// A map whose values are its positions, cut into windows as the model's layers do it.
TEST(ExplainWindows, EveryTokenIsWhereTheLayersTakeItFrom) {
  layers::ModelConfig config;
  config.window_size = {4, 4};
  for (const layers::PadMode mode :
       {layers::PadMode::pad_then_roll, layers::PadMode::roll_then_pad, layers::PadMode::masked}) {
    config.pad_mode = mode;
    const WindowLayout layout = layers::window_layout(config, 0, 1, {9, 6});
    ASSERT_NE(layout.shift, (Size2{0, 0}));
    std::vector<real> positions(54);
    std::iota(positions.begin(), positions.end(), real{1});  // 0 is padding
    Tensor x = layers::pad_to_windows(Tensor::from({1, 9, 6, 1}, positions), layout);
    if (!layout.rolled) x = autograd::roll(x, {-layout.shift[0], -layout.shift[1]});
    const std::vector<real> windows = autograd::window_partition(x, layout.window).values();
    const std::vector<int32_t> rows = autograd::window_rows(layout);
    ASSERT_EQ(windows.size(), rows.size());
    for (size_t i = 0; i < rows.size(); ++i) {
      const auto at = map_position(layout, rows[i]);
      EXPECT_EQ(windows[i], at ? static_cast<real>((*at)[0] * 6 + (*at)[1] + 1) : 0);
      if (at) {
        EXPECT_EQ(place_in_window(layout, *at),
                  (WindowPlace{static_cast<int64_t>(i) / 16, static_cast<int64_t>(i) % 16}));
      }
    }
  }
}

TEST_F(Explain, LinesAreBetweenWindowsAndRegions) {
  const layers::ModelConfig config = config_of({}).model;
  data::Image gray = blank({24, 24}, {90, 90, 90});
  const View view = view_of(gray, 4, 60);  // 10 pixels a token
  ASSERT_EQ(view.cell, 10);
  const auto is_line = [](const data::Image& image, int64_t y, int64_t x) {
    return std::equal(kPanelLine.begin(), kPanelLine.end(), image.row(y) + 3 * x);
  };
  const data::Image regular = draw_windows(view, layers::window_layout(config, 0, 0), 0),
                    shifted = draw_windows(view, layers::window_layout(config, 0, 1), 0);
  ASSERT_EQ(regular.width, 80);  // with the padding
  for (int64_t token = 1; token < 8; ++token) {
    EXPECT_EQ(is_line(regular, 15, 10 * token), token == 4) << token;
    EXPECT_EQ(is_line(shifted, 25, 10 * token), token == 2 || token == 6) << token;
  }
}

TEST_F(Explain, TheClassMapIsTheGradientOfTheLogit) {
  for (const char* name : {"swin", "swin_v2", "swin_mlp"}) {
    SCOPED_TRACE(name);
    // As V2 starts, the norms of its blocks are zero: some steps move them.
    const std::string model =
        trained({std::string("model.name=") + name, "schedule.steps=6", "optimizer.lr=0.05"});
    LoadedModel loaded = load_model(model);
    const ModelInput input = input_of(loaded.config, data::read_image(picture_, 3));
    const ClassMap map = class_map(*loaded.task, input, 3);
    EXPECT_EQ(map.layer, "layers.1.blocks.1.norm2");
    ASSERT_EQ(map.values.size(), 9u);
    EXPECT_EQ(map.logit, static_cast<double>(tasks::output(map.outputs, "logits").data()[3]));

    // δ more in the norm's bias of channel c is δ more in that channel of all nine tokens: the
    // logit changes by 9 δ α_c.
    layers::Parameters& parameters = loaded.task->parameters();
    size_t bias = 0;
    while (parameters[bias].name != map.layer + ".bias") ++bias;
    const int64_t channels = parameters[bias].numel();
    std::vector<double> weights;
    const auto logit = [&] {
      return static_cast<double>(
          tasks::output(loaded.task->outputs(input.images, tasks::Detail::answers), "logits")
              .data()[3]);
    };
    constexpr double kStep = 0.01;
    for (int64_t c = 0; c < channels; ++c) {
      real* value = parameters.mutable_data(bias) + c;
      const real before = *value;
      *value = before + static_cast<real>(kStep);
      const double more = logit();
      *(parameters.mutable_data(bias) + c) = before - static_cast<real>(kStep);
      const double less = logit();
      *(parameters.mutable_data(bias) + c) = before;
      weights.push_back((more - less) / (2 * kStep) / 9);
    }
    // The map follows from them and the norm's output.
    Norm norm(map.layer);
    const autograd::OpByOp op_by_op;
    logit();
    double largest = 0;
    for (const double value : map.values) largest = std::max(largest, value);
    for (size_t i = 0; i < 9; ++i) {
      double sum = 0;
      for (size_t c = 0; c < static_cast<size_t>(channels); ++c)
        sum += weights[c] * static_cast<double>(norm.y[i * static_cast<size_t>(channels) + c]);
      EXPECT_NEAR(map.values[i], std::max(sum, 0.0), 0.02 * std::max(largest, 0.01)) << i;
    }
    fs::remove_all(directory_ / "run");
  }
}

TEST_F(Explain, AVitHasRolloutAndNoWindows) {
  for (const char* pool : {"token", "avg"}) {
    const std::string model = trained({"model.name=vit", "model.depths=[3]", "model.num_heads=[2]",
                                       std::string("model.global_pool=") + pool});
    const Explanation explanation = explain(model, picture_, {.token = Size2{5, 0}});
    EXPECT_FALSE(has_part(explanation, "Windows and shifted windows"));
    EXPECT_EQ(explanation.json.at("missing").size(), 2u);
    expect_attention(explanation.json.at("attention"), 2);
    const bool token = std::string(pool) == "token";
    const base::Json& attention = explanation.json.at("attention");
    EXPECT_EQ(attention.at("keys").items()[static_cast<size_t>(attention.at("index").as_int())],
              to_json(Size2{5, 0}));
    EXPECT_EQ(explanation.json.at("attention").at("row").size(), token ? 37u : 36u);
    EXPECT_EQ(explanation.json.at("class_map").at("layer").as_string(),
              token ? "blocks.2.norm1" : "blocks.2.norm2");
    EXPECT_GT(sum_of(explanation.json.at("class_map").at("values")), 0);
    // Its rows sum to 1; that of the class token keeps a share of at least (1/2)³ for itself.
    const double rollout = sum_of(explanation.json.at("rollout").at("values"));
    if (token) {
      EXPECT_GT(rollout, 0.5);
      EXPECT_LT(rollout, 1 - 0.125);
    } else {
      EXPECT_NEAR(rollout, 1, 1e-5);
    }
    fs::remove_all(directory_ / "run");
  }
}

TEST_F(Explain, SwinMlpShowsItsMatricesAndHasNoHeads) {
  const std::string model = trained({"model.name=swin_mlp"});
  const Explanation explanation = explain(model, picture_, {.token = Size2{3, 1}});
  for (const char* part : {"Windows and shifted windows", "Cyclic shift, regions and mask",
                           "Mixing weights of one token", "Class-activation map"})
    EXPECT_TRUE(has_part(explanation, part)) << part;
  EXPECT_EQ(explanation.json.find("attention"), nullptr);
  const base::Json& mixing = explanation.json.at("mixing");
  // Token (3, 1) after the shift of (2, 2): row 1 of the first windows, column −1, the last.
  EXPECT_EQ(mixing.at("index").as_int(), 1 * 4 + 3);
  // The block itself adds two zeros above and left, and cuts 12 × 12 into windows of 4.
  EXPECT_EQ(mixing.at("window").as_int(), 1 * 3 + 0);
  const auto& blocks = explanation.json.at("stages").items()[0].at("blocks").items();
  EXPECT_EQ(blocks[1].at("windows").as_int(), 9);
  for (size_t part = 0; part < 3; ++part)
    EXPECT_THAT(words_of(explanation.parts[part]), Not(HasSubstr("tten")));
  const LoadedModel loaded = load_model(model);
  const auto* weight = loaded.task->parameters().find("layers.0.blocks.1.spatial_mlp.weight");
  ASSERT_NE(weight, nullptr);
  EXPECT_EQ(mixing.at("rows").items()[0].items()[2].as_real(),
            static_cast<double>(weight->tensor.data()[7 * 16 + 2]));
  EXPECT_THAT(message_of<base::UsageError>([&] { explain(model, picture_, {.head = 0}); }),
              HasSubstr("--head"));
}

TEST_F(Explain, OneWindowThatShiftsIsOnlySplit) {
  // As detectors do: the 3 × 3 tokens of stage 1 lie in one window of 4 × 4.
  const Explanation explanation =
      explain(trained({"model.window_shrink=always_shift"}), picture_, {.stage = 1});
  EXPECT_THAT(explanation.parts[1].pictures[1].caption,
              AllOf(HasSubstr("only splits the window"), Not(HasSubstr("both sides of a line"))));
  EXPECT_THAT(explanation.parts[2].text[0], HasSubstr("The one window, which covers the map"));
}

TEST_F(Explain, WhereNothingShiftsTheWordsSaySo) {
  const auto reason = [](const Explanation& explanation) {
    return explanation.json.at("missing").items()[0].at("reason").as_string();
  };
  const Explanation regular = explain(trained({}), picture_, {.stage = 0, .block = 0});
  EXPECT_THAT(words_of(regular.parts.at(3)),
              AllOf(HasSubstr("same row for each head"), Not(HasSubstr("roll"))));
  fs::remove_all(directory_ / "run");
  EXPECT_THAT(reason(explain(trained({"model.depths=[1,1]"}), picture_, {})),
              HasSubstr("no stage has a second block"));
  fs::remove_all(directory_ / "run");
  const Explanation small = explain(trained({"model.window_size=1"}), picture_, {});
  EXPECT_THAT(reason(small), HasSubstr("half a window of one token"));
  EXPECT_THAT(words_of(small.parts[1]), Not(HasSubstr("covers a side")));
}

TEST_F(Explain, PaddingOfSeveralMapsDoesNotMakePicturesLarge) {
  // Maps of 6 × 6 and 3 × 3 in windows of 12.
  const std::string model = trained({"model.window_shrink=never", "model.window_size=12"});
  for (const ExplainedPart& part : explain(model, picture_, {.stage = 1}).parts)
    for (const Picture& picture : part.pictures)
      EXPECT_LE(std::max(picture.image.width / 2, picture.image.height), 520) << picture.file;
}

TEST_F(Explain, WeightsThatAreNotFiniteAreRefused) {
  LoadedModel loaded = load_model(trained({}));
  layers::Parameters& weights = loaded.task->parameters();
  EXPECT_NO_THROW(require_finite("last.h5", weights));
  *(weights.mutable_data(3) + 1) = std::nanf("");
  EXPECT_THAT(message_of<base::DivergedError>([&] { require_finite("last.h5", weights); }),
              HasSubstr(weights[3].name));
}

TEST(ExplainClass, IndicesAreNotSuggested) {
  EXPECT_THAT(message_of<base::UsageError>([] {
                class_index_of({"0", "1"}, "10");
              }),
              HasSubstr("name one of them"));
  EXPECT_THAT(message_of<base::UsageError>([] {
                class_index_of({"circle", "1"}, "circel");
              }),
              HasSubstr("did you mean circle?"));
}

TEST(ExplainFolder, OnlyListedPicturesOfTheFolderAreRemoved) {
  const TemporaryDirectory directory;
  const fs::path folder = directory / "out";
  fs::create_directories(folder / "below");
  const std::vector<std::string> kept = {"other.png", "below/b.png", "../a.png", "notes.txt"};
  for (const std::string& file : kept) std::ofstream(folder / file) << "x";
  std::ofstream(folder / "mixing.png") << "x";
  std::ofstream(folder / "explain.json") << "{";
  remove_old_pictures(folder);  // not a list
  EXPECT_TRUE(fs::exists(folder / "mixing.png"));
  std::ofstream(folder / "explain.json")
      << R"({"pictures": ["mixing.png", "gone.png", "below/b.png", "../a.png", "notes.txt", 3]})";
  remove_old_pictures(folder);
  EXPECT_FALSE(fs::exists(folder / "mixing.png"));
  for (const std::string& file : kept) EXPECT_TRUE(fs::exists(folder / file)) << file;
}

TEST_F(Explain, APixelOfTheFileBecomesTheTokenThatSeesIt) {
  // 23 × 31 becomes 24 × 32, of which the middle 24 columns are seen.
  const std::string model = trained({"preprocess.resize=24"});
  const auto token = [&](Size2 pixel) {
    return explain(model, picture_, {.stage = 0, .pixel = pixel}).json.at("attention").at("token");
  };
  EXPECT_EQ(token({0, 4}), to_json(Size2{0, 0}));
  EXPECT_EQ(token({22, 26}), to_json(Size2{5, 5}));
  EXPECT_EQ(token({12, 14}), to_json(Size2{3, 2}));
  EXPECT_THAT(message_of<base::UsageError>([&] {
                token({0, 3});
              }),
              HasSubstr("a column from 4 to 26"));
}

TEST_F(Explain, SimMimHasWindowsAndAttentionButNoClass) {
  const std::string model =
      trained({R"(task={"name": "simmim", "mask_patch_size": 8, "mask_ratio": 0.5})",
               "checkpoint.keep_best=false"});
  const Explanation explanation = explain(model, picture_, {.stage = 0, .block = 1});
  expect_attention(explanation.json.at("attention"), 1);
  EXPECT_EQ(explanation.json.find("class_map"), nullptr);
  EXPECT_THAT(explanation.json.at("missing").items()[0].at("part").as_string(),
              HasSubstr("class-activation"));
  EXPECT_THAT(message_of<base::UsageError>([&] { explain(model, picture_, {.class_name = "x"}); }),
              HasSubstr("--class"));
  EXPECT_TRUE(attention_examples(model, {data::read_image(picture_, 3)}).empty());
}

TEST_F(Explain, ThePageNamesClassesAsTextAndExamplesStandSideBySide) {
  const std::string model = trained({});
  Explanation explanation = explain(model, picture_, {.class_name = "circle"});
  EXPECT_EQ(explanation.json.at("class_map").at("class_name").as_string(), "circle");
  explanation.parts[0].text.push_back("<b>&");
  const std::string page = to_html(explanation);
  EXPECT_THAT(page, HasSubstr("&lt;b&gt;&amp;"));
  size_t pictures = 0;
  for (size_t at = 0; (at = page.find("<img", at)) != std::string::npos; ++at) ++pictures;
  EXPECT_EQ(pictures, 9u);

  const data::Image image = data::read_image(picture_, 3);
  const std::vector<data::Image> examples = attention_examples(model, {image, image});
  ASSERT_EQ(examples.size(), 2u);
  EXPECT_EQ(examples[0], examples[1]);
  EXPECT_GT(examples[0].width, 2 * examples[0].height);
}

}  // namespace
}  // namespace swin::trainers
