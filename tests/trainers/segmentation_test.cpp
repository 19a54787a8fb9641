// Semantic segmentation: a run, its resume, its evaluation, its drawings and its plan.
#include <gmock/gmock.h>

#include <csignal>

#include "data/decode/decode.h"
#include "tests/support/places.h"
#include "tests/trainers/run_support.h"
#include "trainers/run/draw_maps.h"
#include "trainers/run/evaluate.h"
#include "trainers/run/plan.h"
#include "trainers/run/predict.h"

namespace swin::trainers {
namespace {

using namespace testing;
namespace fs = std::filesystem;

// Pictures of several sizes: a bright rectangle of class 1 in noise of class 0, and a strip that is
// ignored.
class Segmentation : public ::testing::Test {
 protected:
  Segmentation() {
    for (const char* folder : {"images", "masks"}) fs::create_directories(set() / folder);
    for (int64_t i = 0; i < 12; ++i) {
      const int64_t height = 20 + i % 3, width = 26 - i % 4;
      data::Image image{height, width, 3, {}};
      std::vector<uint16_t> labels;
      for (int64_t y = 0; y < height; ++y)
        for (int64_t x = 0; x < width; ++x) {
          const bool inside = y >= 4 + i % 5 && y < 15 && x >= 3 && x < 12 + i;
          for (int64_t c = 0; c < 3; ++c)
            image.pixels.push_back(
                static_cast<uint8_t>(inside ? 200 + c * 10 : (x * 37 + y * 91 + i * 13 + c) % 90));
          labels.push_back(x == width - 1 ? 255 : inside);
        }
      const std::string name = std::to_string(i) + ".png";
      data::write_png((set() / "images" / name).string(), image);
      write(set() / "masks" / name, data::encode_label_png(height, width, labels, 255, kPalette));
    }
  }
  static void write(const fs::path& path, const std::vector<uint8_t>& bytes) {
    std::ofstream(path, std::ios::binary)
        .write(reinterpret_cast<const char*>(bytes.data()), std::ssize(bytes));
  }
  fs::path set() const { return directory_ / "set"; }

  Config config(const std::vector<std::string>& sets = {}) const {
    base::Json document = base::parse_json(R"({
      "model": {"image_size": 16, "patch_size": 2, "embed_dim": 8, "depths": [1, 1],
                "num_heads": [1, 2], "window_size": 4, "mlp_ratio": 2, "drop_path_rate": 0.1,
                "init_std": "fan_in"},
      "task": {"name": "semantic_segmentation",
               "head": {"channels": 8, "pool_scales": [1, 2], "auxiliary_channels": 8}},
      "data": {"train": {"format": "label_maps", "path": ")" +
                                               set().string() + R"(", "fraction": 0.7},
               "validation": {"fraction": 0.3}},
      "augment": {"resize_ratio": [0.5, 2], "max_class_ratio": 0.9, "horizontal_flip": 0.5},
      "preprocess": {"resize": 20, "long_side": 64, "interpolation": "bilinear"},
      "optimizer": {"lr": 0.005, "no_decay": "official_dense"},
      "schedule": {"name": "polynomial", "steps": 4, "warmup_steps": 1, "warmup_lr": 5e-5, "min_lr": 0},
      "trainer": {"batch_size": 4, "micro_batch_size": 2, "log_every_steps": 1}
    })",
                                           "micro.json");
    apply_sets(document, sets);
    return parse_config(document);
  }

  static const inline std::vector<data::Color> kPalette = {{0, 0, 0}, {128, 0, 0}};
  TemporaryDirectory directory_;
};

TEST_F(Segmentation, ResumesBitForBitOnAnyThreads) {
  const auto whole = directory_ / "whole";
  train(options_of(config(), whole));
  for (const int threads : {2, 3}) {
    const Threads number(threads);
    const auto run = directory_ / std::to_string(threads);
    TrainOptions options = options_of(config(), run);
    AfterStep after_step([](int64_t step) {
      if (step == 2) raise(SIGUSR1);
    });
    options.listeners = {&after_step};
    EXPECT_EQ(train(options).steps, 2);
    EXPECT_EQ(train(options_of(config(), run)).steps, 4);
    EXPECT_TRUE(checkpoint_bytes(run, 4) == checkpoint_bytes(whole, 4)) << threads;
  }
}

TEST_F(Segmentation, EvaluatesWithTheMetricsOfTheRun) {
  const auto run = directory_ / "run";
  const TrainResult trained = train(options_of(config({"schedule.steps=8"}), run));
  ASSERT_EQ(trained.metrics.size(), 4u);
  EXPECT_EQ(trained.metrics[0].first, "mIoU");
  const EvaluateResult evaluated =
      evaluate({.checkpoint = trained.last, .data = "", .sets = {}, .quiet = true});
  EXPECT_EQ(evaluated.metrics, trained.metrics);
  ASSERT_EQ(evaluated.per_class.size(), 2u);
  EXPECT_EQ(evaluated.per_class[1].class_name, "1");
  const base::Json json = to_json(evaluated);
  EXPECT_EQ(json.at("per_class").items()[0].at("IoU").as_real(),
            evaluated.per_class[0].metrics[0].second);
  // The folder of the run has a table of the classes and the answers over the images.
  const base::Json folder =
      base::parse_json(read_text(run / "evaluation/evaluation.json"), "evaluation.json");
  EXPECT_EQ(folder.at("per_class").items()[0].at("IoU").as_real(),
            evaluated.per_class[0].metrics[0].second);
  ASSERT_EQ(folder.at("answers").size(), static_cast<size_t>(evaluated.images));
  const base::Json& answer = folder.at("answers").items()[0];
  EXPECT_THAT(answer.at("caption").as_string(), ::testing::HasSubstr("% of the pixels are right"));
  const data::Image drawn =
      data::read_image((run / "evaluation" / answer.at("picture").as_string()).string(), 3);
  const data::Image image = data::read_image(answer.at("file").as_string(), 3);
  EXPECT_EQ(drawn.height, image.height);
  EXPECT_EQ(drawn.width, 2 * image.width + 4);
  // Beside it the truth: its last column is ignored and keeps the pixels of the image.
  EXPECT_TRUE(std::equal(drawn.row(0) + 3 * (drawn.width - 1), drawn.row(0) + 3 * drawn.width,
                         image.row(0) + 3 * (image.width - 1)));
  // In windows, at two scales, mirrored: other pixels, still all of them.
  const EvaluateResult slides =
      evaluate({.checkpoint = trained.last,
                .data = "",
                .sets = {"task.inference.mode=slide", "task.inference.stride=[8,12]",
                         "task.inference.scales=[0.75,1.25]", "task.inference.flip=true"},
                .quiet = true});
  EXPECT_EQ(slides.images, evaluated.images);
  EXPECT_NE(slides.metrics, evaluated.metrics);
  // Losses of the log: the parts add up.
  const base::Json line = read_log(run).front();
  EXPECT_NEAR(line.at("loss").as_real(),
              line.at("decode_loss").as_real() + line.at("auxiliary_loss").as_real(), 1e-5);
}

TEST_F(Segmentation, DrawsWhatItPredicts) {
  const TrainResult trained = train(options_of(config(), directory_ / "run"));
  const Predictor predictor(trained.last);
  const std::string image = (set() / "images/1.png").string(),
                    drawn = (directory_ / "drawn").string();
  const auto answers = predictor.predict({image, image, "absent.png"}, {.output = drawn});
  ASSERT_EQ(answers.size(), 3u);
  EXPECT_NE(answers[2].error, "");
  const auto& map = answers[1].map;
  ASSERT_TRUE(map);
  EXPECT_EQ(map->labels, drawn + "/1_2_labels.png");
  EXPECT_EQ(map->height * map->width, 21 * 25);
  const std::string bytes = read_text(map->labels);
  const data::LabelPixels labels = data::decode_label_png(
      {reinterpret_cast<const uint8_t*>(bytes.data()), bytes.size()}, map->labels);
  ASSERT_EQ(labels.height, 21);
  int64_t pixels = 0;
  for (const Prediction& prediction : answers[1].predictions) {
    EXPECT_EQ(prediction.pixels,
              std::count(labels.values.begin(), labels.values.end(), prediction.class_index));
    pixels += prediction.pixels;
  }
  EXPECT_EQ(pixels, 21 * 25);
  const data::Image overlay = data::read_image(map->overlay, 3);
  EXPECT_EQ(overlay.height, 21);
  EXPECT_THAT(message_of<base::UsageError>([&] { predictor.predict({image}, {.top_k = 3}); }),
              ::testing::HasSubstr("--top-k: found a number of classes per image, expected none: a "
                                   "model for semantic_segmentation answers with classes of"));
  const base::Json json = to_json(answers);
  EXPECT_EQ(json.items()[0].at("predictions").items()[0].find("probability"), nullptr);
  EXPECT_EQ(json.items()[0].at("size").items()[1].as_int(), 25);
}

TEST(SegmentationDrawings, LayColorsOverTheImage) {
  const data::Image gray{1, 2, 1, {100, 201}};
  const data::Image drawn = draw_over(gray, {1, 2, {1, 0}}, {{0, 0, 0}, {200, 0, 50}});
  EXPECT_EQ(drawn.pixels, (std::vector<uint8_t>{150, 50, 75, 101, 101, 101}));
}

TEST_F(Segmentation, WhatItCannotDoIsRefused) {
  const auto refusal = [&](const std::vector<std::string>& sets) {
    return message_of<base::UsageError>([&] { config(sets); });
  };
  EXPECT_THAT(refusal({"model.window_shrink=official"}),
              ::testing::HasSubstr("model.window_shrink: found another than \"always_shift\""));
  EXPECT_THAT(refusal({"augment.cutmix=1", "augment.resize_ratio=null"}),
              ::testing::HasSubstr("augment.cutmix: found 1.0, expected 0"));
  EXPECT_THAT(refusal({"task.head.norm=layer"}),
              ::testing::HasSubstr("task.head.norm: found \"layer\", expected one of batch, group, "
                                   "frozen"));
  EXPECT_THAT(refusal({"task.mask_ratio=0.5"}),
              ::testing::HasSubstr("task.mask_ratio: found a field of simmim, expected none with "
                                   "task.name \"semantic_segmentation\""));
  EXPECT_THAT(
      message_of<base::UsageError>([&] { micro_config({R"(task={"head": {"channels": 8}})"}); }),
      ::testing::HasSubstr("task.head.channels: found a field of semantic_segmentation"));
}

// Figures of the paper's Table 3 and of the layers' sizes.
TEST(SegmentationPlan, IsThatOfSwinTinyAsPublished) {
  Config config = load_config(swin::test::source_dir() + "/configs/upernet_swin_tiny_ade20k.json");
  config.model.image_size = {512, 2048};
  config.model.num_classes = 150;
  const ForwardPlan plan = plan_forward(config.task, config.model);
  EXPECT_EQ(plan.total.parameters, 59'941'862);
  EXPECT_NEAR(static_cast<double>(plan.published_macs) / 1e9, 944.9, 0.05);
  EXPECT_NEAR(static_cast<double>(plan.published_macs + plan.attention_macs) / 1e9, 948.2, 0.05);
  Cost stages;
  for (const Cost& stage : plan.stages) stages += stage;
  EXPECT_NEAR(static_cast<double>(stages.macs) / 1e9, 97.6, 0.5);
}

}  // namespace
}  // namespace swin::trainers
