// Detection: a run, its resume, its evaluation, its config and its plan.
#include <gmock/gmock.h>

#include <csignal>

#include "data/decode/decode.h"
#include "tests/support/places.h"
#include "tests/trainers/run_support.h"
#include "trainers/run/benchmark_step.h"
#include "trainers/run/evaluate.h"
#include "trainers/run/plan.h"

namespace swin::trainers {
namespace {

using namespace testing;
namespace fs = std::filesystem;

// Pictures of several sizes with one or two bright squares in noise, each with a mask of its own.
class Detection : public ::testing::Test {
 protected:
  Detection() {
    for (int64_t i = 0; i < 10; ++i) {
      const int64_t height = 30 + i % 3, width = 36 - i % 4;
      const std::string name = std::to_string(i);
      data::Image image{height, width, 3, {}};
      for (int64_t k = 0; k < height * width * 3; ++k)
        image.pixels.push_back(static_cast<uint8_t>((k * 37 + i * 91) % 90));
      fs::create_directories(set() / "images");
      fs::create_directories(set() / "masks" / name);
      for (int64_t object = 0; object <= i % 2; ++object) {
        data::Image mask{height, width, 1,
                         std::vector<uint8_t>(static_cast<size_t>(height * width))};
        for (int64_t y = 3 + i % 5; y < 14 + i; ++y)
          for (int64_t x = 2 + 16 * object; x < 14 + 16 * object; ++x) {
            mask.pixels[static_cast<size_t>(y * width + x)] = 255;
            for (int64_t c = 0; c < 3; ++c)
              image.pixels[static_cast<size_t>((y * width + x) * 3 + c)] = 220;
          }
        data::write_png((set() / "masks" / name / (std::to_string(object) + ".png")).string(),
                        mask);
      }
      data::write_png((set() / "images" / (name + ".png")).string(), image);
    }
  }
  fs::path set() const { return directory_ / "set"; }

  Config config(const std::vector<std::string>& sets = {}) const {
    base::Json document = base::parse_json(R"({
      "model": {"image_size": 32, "patch_size": 2, "embed_dim": 8, "depths": [1, 1],
                "num_heads": [1, 2], "window_size": 4, "mlp_ratio": 2, "drop_path_rate": 0.1,
                "init_std": "fan_in"},
      "task": {"name": "detection", "anchors": {"sizes": [8, 12, 20]}, "neck": {"channels": 8},
               "rpn": {"pre_top_train": 50, "post_top_train": 30, "post_top_test": 30, "batch": 32},
               "box_head": {"channels": 16, "batch": 16},
               "mask_head": {"channels": 8, "convs": 1}},
      "data": {"train": {"format": "instance_masks", "path": ")" +
                                               set().string() + R"(", "fraction": 0.7},
               "validation": {"fraction": 0.3}},
      "augment": {"horizontal_flip": 0.5, "short_sides": [24, 32]},
      "preprocess": {"resize": 32, "long_side": 64, "interpolation": "bilinear"},
      "optimizer": {"lr": 0.005, "no_decay": "official_dense"},
      "schedule": {"name": "multi_step", "steps": 4, "milestones": [2], "warmup_steps": 1},
      "trainer": {"batch_size": 4, "micro_batch_size": 2, "log_every_steps": 1}
    })",
                                           "micro.json");
    apply_sets(document, sets);
    return parse_config(document);
  }

  TemporaryDirectory directory_;
};

TEST_F(Detection, ResumesBitForBitOnAnyThreads) {
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

TEST_F(Detection, EvaluatesWithTheMetricsOfTheRun) {
  const auto run = directory_ / "run";
  const TrainResult trained = train(options_of(config(), run));
  ASSERT_EQ(trained.metrics.size(), 24u);
  EXPECT_EQ(trained.metrics[0].first, "box_AP");
  const EvaluateResult evaluated =
      evaluate({.checkpoint = trained.last, .data = "", .sets = {}, .quiet = true});
  EXPECT_EQ(evaluated.metrics, trained.metrics);
  ASSERT_EQ(evaluated.per_class.size(), 1u);
  EXPECT_EQ(evaluated.per_class[0].metrics.front().first, "box_AP");
  const base::Json line = read_log(run).front();
  double sum = 0;
  for (const char* part :
       {"rpn_objectness_loss", "rpn_box_loss", "class_loss", "box_loss", "mask_loss"})
    sum += line.at(part).as_real();
  EXPECT_NEAR(line.at("loss").as_real(), sum, 1e-5);
}

TEST_F(Detection, IsBenchmarkedOnObjects) {
  Config measured = config();
  measured.model.num_classes = 3;
  for (const BenchmarkMode mode : {BenchmarkMode::train, BenchmarkMode::infer}) {
    BenchmarkStep step(measured, mode, 2);
    step();
    EXPECT_GT(step.flops_per_image(), 0);
  }
}

TEST_F(Detection, TheMonitorIsThatOfMasksElseOfBoxes) {
  EXPECT_EQ(config().checkpoint.monitor, "segm_AP");
  EXPECT_EQ(config({"task.mask=false"}).checkpoint.monitor, "box_AP");
  EXPECT_EQ(config({"checkpoint.monitor=box_AP50"}).checkpoint.monitor, "box_AP50");
  EXPECT_THAT(message_of<base::UsageError>([&] {
                config({"task.mask=false", "checkpoint.monitor=segm_AP"});
              }),
              ::testing::HasSubstr("checkpoint.monitor: found \"segm_AP\", expected a metric of "
                                   "detection: box_AP, box_AP50"));
}

// Figures of the paper's Table 2 (267 G, 48 M; 359 G, 69 M; 745 G, 86 M) and of the layers' sizes.
TEST(DetectionPlan, IsThatOfThePublishedSwins) {
  struct Published {
    const char* config;
    int64_t parameters;
    double macs;  // in 10⁹
  };
  for (const Published& published :
       {Published{"cascade_mask_rcnn_swin_tiny_coco.json", 85'629'804, 744.8},
        Published{"mask_rcnn_swin_tiny_coco.json", 47'794'602, 266.6},
        Published{"mask_rcnn_swin_small_coco.json", 69'112'506, 358.6}}) {
    Config config = load_config(swin::test::source_dir() + "/configs/" + published.config);
    config.model.num_classes = 80;
    EXPECT_EQ(config.trainer.micro_batch_size, 2);
    const ForwardPlan plan = plan_forward(config.task, config.model);
    EXPECT_EQ(plan.total.parameters, published.parameters);
    EXPECT_NEAR(static_cast<double>(plan.published_macs) / 1e9, published.macs, 0.05);
  }
}

}  // namespace
}  // namespace swin::trainers
