// What the verbs do with a trained detector: evaluation, files, answers, drawings, plan.
#include <gmock/gmock.h>

#include "data/decode/decode.h"
#include "data/formats/formats.h"
#include "tests/trainers/run_support.h"
#include "trainers/run/data_options.h"
#include "trainers/run/evaluate.h"
#include "trainers/run/plan.h"
#include "trainers/run/plan_anchors.h"
#include "trainers/run/predict.h"
#include "trainers/run/score_detections.h"

namespace swin::trainers {
namespace {

using namespace testing;
using ::testing::HasSubstr;
namespace fs = std::filesystem;

// Pictures of several sizes with one or two bright rectangles of two classes, as COCO's list whose
// ids do not ascend; image 5 has none.
class DetectionRun : public ::testing::Test {
 protected:
  static void SetUpTestSuite() {
    directory_ = std::make_unique<TemporaryDirectory>();
    std::string images, annotations;
    int64_t objects = 0;
    for (int64_t i = 0; i < kImages; ++i) {
      const int64_t height = 30 + i % 3, width = 36 - i % 4, id = (i * 7) % kImages + 10;
      data::Image image{height, width, 3, {}};
      for (int64_t k = 0; k < height * width * 3; ++k)
        image.pixels.push_back(static_cast<uint8_t>((k * 37 + i * 13) % 60));
      for (int64_t o = 0; o < (i == 5 ? 0 : 1 + i % 2); ++o) {
        const int64_t x = 2 + 15 * o + i % 4, y = 3 + i % 7, w = 9 + i % 5, h = 8 + 2 * o + i % 6;
        for (int64_t row = y; row < y + h; ++row)
          for (int64_t p = 0; p < w * 3; ++p)
            image.row(row)[3 * x + p] = static_cast<uint8_t>(o ? 250 - 80 * (p % 3) : 200);
        const auto text = [](auto... values) {
          std::string list;
          ((list += (list.empty() ? "" : ",") + std::to_string(values)), ...);
          return list;
        };
        if (++objects > 1) annotations += ",";
        annotations += (R"({"id": )" + std::to_string(objects)) + R"(, "image_id": )" +
                       std::to_string(id) + R"(, "category_id": )" + (o ? "7" : "4") +
                       R"(, "iscrowd": 0, "area": )" + std::to_string(w * h) + R"(, "bbox": [)" +
                       text(x, y, w, h) + R"(], "segmentation": [[)" +
                       text(x, y, x + w, y, x + w, y + h, x, y + h) + "]]}";
      }
      const std::string name = std::to_string(i) + ".png";
      data::write_png((*directory_ / name).string(), image);
      images += (i ? "," : "") + (R"({"id": )" + std::to_string(id)) + R"(, "file_name": ")" +
                name + R"(", "height": )" + std::to_string(height) + R"(, "width": )" +
                std::to_string(width) + "}";
    }
    const std::string list =
        R"({"images": [)" + images + R"(], "annotations": [)" + annotations +
        R"(], "categories": [{"id": 4, "name": "gray"}, {"id": 7, "name": "red"}]})";
    // Two lists, so that what is trained on can be measured.
    for (const char* name : {"list.json", "measured.json"})
      std::ofstream(*directory_ / name) << list;
    trained_ = std::make_unique<TrainResult>(train(options_of(config(), *directory_ / "run")));
  }
  static void TearDownTestSuite() {
    trained_.reset();
    directory_.reset();
  }
  static Config config(const std::vector<std::string>& sets = {}) {
    const std::string list = (*directory_ / "list.json").string(),
                      measured = (*directory_ / "measured.json").string();
    base::Json document = base::parse_json(
        R"({
      "model": {"image_size": 32, "patch_size": 2, "embed_dim": 8, "depths": [1, 1],
                "num_heads": [1, 2], "window_size": 4, "mlp_ratio": 2, "init_std": "fan_in"},
      "task": {"name": "detection", "anchors": {"sizes": [8, 12, 18]}, "neck": {"channels": 8},
               "rpn": {"pre_top_train": 100, "post_top_train": 40, "pre_top_test": 100,
                       "post_top_test": 30, "batch": 32},
               "box_head": {"channels": 16, "batch": 16}, "mask_head": {"channels": 8, "convs": 1},
               "test": {"score": 0.02, "max_detections": 20}},
      "data": {"train": {"format": "coco", "path": ")" +
            list + R"("}, "validation": {"format": "coco", "path": ")" + measured + R"("}},
      "augment": {"horizontal_flip": 0.5},
      "preprocess": {"resize": 32, "long_side": 64, "interpolation": "bilinear"},
      "optimizer": {"lr": 0.003, "no_decay": "official_dense"},
      "schedule": {"steps": 30, "warmup_steps": 3, "warmup_lr": 3e-5, "min_lr": 0},
      "trainer": {"batch_size": 4, "micro_batch_size": 2, "evaluate_every_epochs": 100}
    })",
        "micro.json");
    apply_sets(document, sets);
    return parse_config(document);
  }
  static EvaluateOptions measuring() {
    return {.checkpoint = trained_->last, .data = "", .sets = {}, .quiet = true};
  }
  static double metric(const tasks::Metrics& metrics, const std::string& name) {
    if (const double* value = tasks::find(metrics, name)) return *value;
    ADD_FAILURE() << "no metric " << name;
    return -2;
  }

  static constexpr int64_t kImages = 12;
  static inline std::unique_ptr<TemporaryDirectory> directory_;
  static inline std::unique_ptr<TrainResult> trained_;
};

TEST_F(DetectionRun, EvaluatesWithTheMetricsOfTheRun) {
  ASSERT_EQ(trained_->metrics.size(), 24u);
  EXPECT_GT(metric(trained_->metrics, "box_AP50"), 0);
  const EvaluateResult evaluated = evaluate(measuring());
  EXPECT_EQ(evaluated.metrics, trained_->metrics);
  ASSERT_EQ(evaluated.per_class.size(), 2u);
  EXPECT_EQ(evaluated.per_class[1].class_name, "red");
  EXPECT_EQ(evaluated.per_class[0].objects, kImages - 1);
  ASSERT_EQ(evaluated.errors.size(), 16u);
  EXPECT_GT(metric(evaluated.errors, "box_dAP_FalsePos"), 0);
  const base::Json costs = to_json(evaluated).at("errors");
  EXPECT_EQ(costs.at("segm_dAP_Miss").as_real(), metric(evaluated.errors, "segm_dAP_Miss"));
  const base::Json row = to_json(evaluated).at("per_class").items()[0];
  EXPECT_EQ(row.at("objects").as_int(), kImages - 1);
  for (const char* name : {"box_AP", "box_AP50", "box_AP75", "box_AR_100", "segm_AP", "segm_AP50",
                           "segm_AP75", "segm_AR_100"})
    EXPECT_TRUE(row.find(name)) << name;
}

TEST_F(DetectionRun, BoxesAloneAreMeasuredWhereObjectsHaveNoMasks) {
  EvaluateOptions boxes = measuring();
  boxes.sets = {"task.mask=false"};
  const EvaluateResult evaluated = evaluate(boxes);
  ASSERT_EQ(evaluated.metrics.size(), 12u);
  for (const auto& [name, value] : evaluated.metrics)
    EXPECT_EQ(value, metric(trained_->metrics, name)) << name;
}

TEST_F(DetectionRun, ItsEvaluationIsAFolderWithDrawnAnswers) {
  const fs::path folder = *directory_ / "run/evaluation";
  const base::Json json =
      base::parse_json(read_text(folder / "evaluation.json"), "evaluation.json");
  EXPECT_EQ(json.at("metrics").at("box_AP50").as_real(), metric(trained_->metrics, "box_AP50"));
  EXPECT_EQ(json.at("per_class").items()[1].at("class_name").as_string(), "red");
  EXPECT_FALSE(json.find("confusion_matrix"));
  EXPECT_FALSE(json.find("worst"));
  const std::vector<base::Json>& answers = json.at("answers").items();
  ASSERT_EQ(answers.size(), static_cast<size_t>(kImages));
  EXPECT_THAT(answers[1].at("caption").as_string(), HasSubstr("2 are there"));
  EXPECT_EQ(answers[1].at("file").as_string(), (*directory_ / "1.png").string());
  const data::Image drawn =
      data::read_image((folder / answers[1].at("picture").as_string()).string(), 3);
  EXPECT_EQ(drawn.height, 31);  // small images keep their size
  EvaluateOptions refused = measuring();
  refused.predictions = (*directory_ / "p.csv").string();
  EXPECT_THAT(message_of<base::UsageError>([&] { evaluate(refused); }),
              HasSubstr("--write-detections"));
}

TEST_F(DetectionRun, WhatItWritesScoresTheSame) {
  EvaluateOptions writing = measuring();
  writing.write_detections = (*directory_ / "found.json").string();
  const EvaluateResult evaluated = evaluate(writing);
  const Score score = score_detections({.detections = (*directory_ / "found.json").string(),
                                        .data = (*directory_ / "found_truth.json").string(),
                                        .quiet = true});
  EXPECT_GT(score.results, kImages);
  ASSERT_TRUE(score.masks);
  tasks::Metrics both = score.boxes.metrics;
  both.insert(both.end(), score.masks->metrics.begin(), score.masks->metrics.end());
  EXPECT_EQ(both, evaluated.metrics);
  EXPECT_EQ(score.errors, evaluated.errors);
  // The ids are those of the list, whose own objects give the same.
  const Score of_list = score_detections({.detections = (*directory_ / "found.json").string(),
                                          .data = (*directory_ / "list.json").string(),
                                          .quiet = true});
  EXPECT_EQ(of_list.boxes.metrics, score.boxes.metrics);
  EXPECT_EQ(of_list.masks->metrics, score.masks->metrics);
}

TEST_F(DetectionRun, SaysWhenAnImageHasMoreObjectsThanAreFound) {
  EvaluateOptions few = measuring();
  few.sets = {"task.test.max_detections=1"};
  few.quiet = false;
  ::testing::internal::CaptureStderr();
  evaluate(few);
  EXPECT_THAT(::testing::internal::GetCapturedStderr(),
              HasSubstr("5 images with more than 1 objects (" + (*directory_ / "1.png").string() +
                        " has 2), as many as are found"));
}

TEST_F(DetectionRun, PredictsDrawsAndFilters) {
  const std::string image = (*directory_ / "1.png").string(),
                    drawn = (*directory_ / "drawn").string();
  const auto found_in = [&](const DetectorOptions& options) {
    return Predictor(trained_->last, options).predict({image}, {})[0].found->objects;
  };
  const std::vector<tasks::Detected> all = found_in({});
  ASSERT_GT(all.size(), 2u);
  for (size_t i = 1; i < all.size(); ++i) EXPECT_GE(all[i - 1].score, all[i].score);
  const double middle = all[all.size() / 2].score;
  for (const tasks::Detected& object : found_in({.score = middle})) EXPECT_GT(object.score, middle);
  EXPECT_GT(found_in({.score = 0.0}).size(), all.size());
  EXPECT_LT(found_in({.iou = 0.01}).size(), found_in({.iou = 0.99}).size());
  EXPECT_EQ(found_in({.max_detections = 2}).size(), 2u);
  for (const int64_t k : {0, 1}) {
    const std::vector<tasks::Detected> of_class =
        found_in({.max_detections = 1, .only_classes = {k ? "red" : "gray"}});
    ASSERT_EQ(of_class.size(), 1u) << k;  // the best of its class, whatever the other class has
    EXPECT_EQ(of_class[0].class_index, k);
  }
  EXPECT_THAT(
      message_of<base::UsageError>([&] { Predictor(trained_->last, {.only_classes = {"rad"}}); }),
      HasSubstr("--only-classes: found \"rad\", expected classes of the checkpoint: gray, "
                "red; did you mean red?"));
  const Predictor predictor(trained_->last);
  EXPECT_THAT(message_of<base::UsageError>([&] { predictor.predict({image}, {.top_k = 3}); }),
              HasSubstr("--top-k: found a number of classes per image, expected none: a model for "
                        "detection answers with objects; remove it"));
  const auto answers = predictor.predict({image, "absent.png", image}, {.output = drawn});
  EXPECT_EQ(answers[0].found->drawn, drawn + "/1_objects.png");
  EXPECT_EQ(answers[2].found->drawn, drawn + "/1_2_objects.png");
  EXPECT_NE(answers[1].error, "");
  const data::Image picture = data::read_image(answers[0].found->drawn, 3);
  EXPECT_EQ(picture.width, 35 * 14);
  const auto& mask = answers[0].found->objects[0].mask;
  ASSERT_TRUE(mask);
  EXPECT_EQ(mask->height, 31);
  EXPECT_EQ(mask->width, 35);
}

TEST_F(DetectionRun, PlansItsCostAndItsAnchors) {
  const Config planned = config({"model.num_classes=2"});
  const ForwardPlan plan = plan_forward(planned.task, planned.model);
  EXPECT_GT(plan.head.macs, plan.stages[0].macs);
  EXPECT_GT(plan_training(planned).peak_memory_bytes, 0);
  const auto training = open_dataset_of(planned.data.train, planned, true);
  const auto fitting = plan_anchors(planned, *training);
  ASSERT_TRUE(fitting);
  EXPECT_EQ(fitting->fit.objects, 16);
  EXPECT_EQ(fitting->fit.at_least_half, 1);
  EXPECT_FALSE(fitting->suggestion);
  const Config coarse = config({"model.num_classes=2", "task.anchors.sizes=[64,128,256]"});
  const auto poor = plan_anchors(coarse, *training);
  EXPECT_EQ(poor->fit.at_least_half, 0);
  ASSERT_TRUE(poor->suggestion);
  EXPECT_EQ(poor->suggestion->sizes.size(), 3u);
  EXPECT_GT(poor->suggestion->fit.at_least_half, 0.9);
  EXPECT_FALSE(plan_anchors(micro_config(), *training));
}

}  // namespace
}  // namespace swin::trainers
