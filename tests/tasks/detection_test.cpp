// Mask R-CNN as a task: losses, slices, inference, metrics and answers.
#include "tasks/detection.h"

#include <gmock/gmock.h>

#include <cmath>
#include <map>
#include <numeric>

#include "autograd/ops/ops.h"
#include "autograd/tape/op.h"
#include "autograd/tape/tape.h"
#include "base/errors.h"
#include "base/parallel.h"
#include "base/pool.h"
#include "tasks/detection_losses.h"
#include "tests/tasks/detection_support.h"

namespace swin::tasks {
namespace {

using base::Size2;
using testing::batch_of;
using testing::detection_config;
using testing::ellipse;
using testing::gradients_of;
using ::testing::HasSubstr;
using testing::kSide;
using testing::Learner;
using testing::losses_of;
using testing::metrics_of;
using ::testing::StartsWith;
using ::testing::ThrowsMessage;
using testing::tiny_backbone;
using testing::two_images;
using testing::Values;

constexpr double kTolerance = sizeof(real) == 4 ? 1e-5 : 1e-12;

class DetectionTest : public ::testing::Test {
 protected:
  DetectionTest() { base::set_num_threads(1); }
};

TEST_F(DetectionTest, PartsAddUpToTheTotal) {
  Detection task(detection_config(), tiny_backbone(), 1, true);
  const Values losses = losses_of(task, two_images(), 2);
  ASSERT_EQ(losses.size(), 6u);
  double sum = 0;
  for (const char* part :
       {"rpn_objectness_loss", "rpn_box_loss", "class_loss", "box_loss", "mask_loss"}) {
    EXPECT_GT(losses.at(part), 0) << part;
    sum += losses.at(part);
  }
  EXPECT_NEAR(losses.at("loss"), sum, kTolerance);
  Detection boxes(detection_config({{"mask", {0}}}), tiny_backbone(), 1, true);
  EXPECT_FALSE(losses_of(boxes, two_images(), 2).contains("mask_loss"));
}

TEST_F(DetectionTest, RpnLossesAreOfTheRowsOfTheirAnchors) {
  // Two images, maps of 2 × 1 and 1 × 1 with three anchors: 9 rows an image.
  std::vector<layers::RpnMaps> maps;
  for (const int64_t height : {2, 1})
    maps.push_back({Tensor::filled({2, height, 1, 3}, 0), Tensor::filled({2, height, 1, 12}, 0)});
  maps[1].objectness.mutable_data()[3 + 2] = 5;  // of the second image, the third anchor
  real* delta = maps[0].deltas.mutable_data() + 24 + 4 * 4;  // of the second image, the fifth
  std::iota(delta, delta + 4, real{1});
  const RpnTargets targets = {
      .rows = {9 + 6 + 2, 0}, .objects = {1, 0}, .positives = {9 + 4}, .deltas = {0, 0, 0, 1}};
  const Losses losses = rpn_losses(
      maps, targets, real{0.5}, Detection(detection_config(), tiny_backbone(), 1, false).options());
  EXPECT_NEAR(losses[0].value.data()[0], 0.5 * (std::log1p(std::exp(-5)) + std::log(2)), 1e-6);
  EXPECT_NEAR(losses[1].value.data()[0], 0.5 * (1 + 2 + 3 + 3), 1e-6);
}

TEST_F(DetectionTest, BoxAndMaskLossesAreOfTheClassOfEachRegion) {
  const DetectionOptions options =
      Detection(detection_config(), tiny_backbone(), 1, false).options();
  layers::BoxPredictions predictions = {Tensor::filled({3, 3}, 0), Tensor::filled({3, 8}, 100)};
  predictions.logits.mutable_data()[1] = 2;
  for (int64_t i = 0; i < 4; ++i) {
    predictions.deltas.mutable_data()[4 + i] = static_cast<real>(1 + i);  // region 0, class 1
    predictions.deltas.mutable_data()[8 + i] = real{0.5};                 // region 1, class 0
  }
  RegionTargets targets;
  targets.labels = {1, 0, 2};
  targets.rows = {0, 1};
  targets.deltas.assign(8, 0);
  const Losses losses = box_losses(predictions, targets, 2, 0.75, options.stages[0], options);
  EXPECT_NEAR(losses[0].value.data()[0], 0.25 * (std::log(2 + std::exp(2)) - 2 + 2 * std::log(3)),
              1e-6);
  EXPECT_NEAR(losses[1].value.data()[0], 0.25 * (10 + 2), 1e-6);

  Tensor logits = Tensor::filled({2, 1, 2, 2}, 9);
  for (const int64_t i : {1, 3}) logits.mutable_data()[i] = 1;         // region 0, class 1
  for (const int64_t i : {4, 6}) logits.mutable_data()[i] = real{-1};  // region 1, class 0
  targets.masks = Tensor::filled({2, 2}, 1);
  EXPECT_NEAR(mask_loss(logits, targets, 0.5).value.data()[0],
              0.125 * 2 * (std::log1p(std::exp(-1)) + std::log1p(std::exp(1))), 1e-6);
}

// The sampled anchors of the whole batch are known before the forward; the heads' means are of a
// slice.
TEST_F(DetectionTest, LossesOfSlicesAddUpByTheirRule) {
  Detection task(detection_config(), tiny_backbone(), 1, true);
  const data::Batch batch = two_images();
  const Values whole = losses_of(task, batch, 2), slices = losses_of(task, batch, 1);
  for (const char* part : {"rpn_objectness_loss", "rpn_box_loss"})
    EXPECT_NEAR(whole.at(part), slices.at(part), kTolerance) << part;
  // Each image has as many regions to learn from, so the mean over images is that over regions.
  EXPECT_NEAR(whole.at("class_loss"), slices.at("class_loss"), kTolerance);
  EXPECT_NEAR(whole.at("mask_loss"), slices.at("mask_loss"), 0.1);
}

TEST_F(DetectionTest, TheNumberOfThreadsDoesNotShow) {
  Detection task(detection_config(), tiny_backbone(), 1, true);
  const data::Batch batch = two_images();
  const auto run = [&](int threads) {
    base::set_num_threads(threads);
    const Values losses = losses_of(task, batch, 2);
    std::vector<real> all = gradients_of(task.parameters());
    for (const auto& [name, value] : losses) all.push_back(static_cast<real>(value));
    for (const NamedTensor& output : task.outputs(images_of({batch, 0, 2}, 2, 3), Detail::answers))
      for (const real value : output.value.values()) all.push_back(value);
    return all;
  };
  const std::vector<real> one = run(1);
  EXPECT_EQ(one, run(2));
  EXPECT_EQ(one, run(3));
  base::set_num_threads(1);
}

TEST_F(DetectionTest, DrawsFollowTheStep) {
  // Fewer than there are, so that there is something to draw.
  Detection task(detection_config({{"rpn.batch", {8}}}), tiny_backbone(), 1, true);
  const data::Batch batch = two_images();
  const Values first = losses_of(task, batch, 2, 1);
  EXPECT_EQ(first, losses_of(task, batch, 2, 1));
  EXPECT_NE(first.at("rpn_objectness_loss"),
            losses_of(task, batch, 2, 2).at("rpn_objectness_loss"));
}

TEST_F(DetectionTest, AnImageWithoutObjectsTeachesThatThereAreNone) {
  for (const double convention : {0, 1}) {
    Detection task(detection_config({{"convention", {convention}}}), tiny_backbone(), 1, true);
    const Values losses = losses_of(task, batch_of({{}, {}}), 2);
    EXPECT_GT(losses.at("rpn_objectness_loss"), 0);
    EXPECT_GT(losses.at("class_loss"), 0);
    for (const char* part : {"rpn_box_loss", "box_loss", "mask_loss"})
      EXPECT_EQ(losses.at(part), 0) << part;
    layers::Parameters& parameters = task.parameters();
    EXPECT_EQ(parameters.without_gradient(), "");
    for (size_t i = 0; i < parameters.size(); ++i)
      if (parameters[i].name.find("mask_head") != std::string::npos ||
          parameters[i].name.find("fc_reg") != std::string::npos) {
        for (int64_t k = 0; k < parameters[i].numel(); ++k)
          ASSERT_EQ(parameters.gradient(i)[k], 0) << parameters[i].name;
      }
  }
}

/// Sets all elements of a parameter.
void fill(Detection& task, const std::string& name, real value) {
  layers::Parameters& parameters = task.parameters();
  for (size_t i = 0; i < parameters.size(); ++i)
    if (parameters[i].name == name)
      std::fill_n(parameters.mutable_data(i), parameters[i].numel(), value);
}

TEST_F(DetectionTest, WithoutAProposalTheHeadsLearnFromTrueBoxes) {
  Detection task(detection_config(), tiny_backbone(), 1, true);
  fill(task, "rpn_head.rpn_reg.bias", 1000);  // every proposal leaves the image
  const Values losses = losses_of(task, two_images(), 2);
  EXPECT_GT(losses.at("mask_loss"), 0);
  EXPECT_TRUE(std::isfinite(losses.at("loss")));
  const Values none = losses_of(task, batch_of({{}}), 1);
  for (const char* part : {"class_loss", "box_loss", "mask_loss"})
    EXPECT_EQ(none.at(part), 0) << part;
  EXPECT_EQ(task.parameters().without_gradient(), "");
  const data::Batch batch = two_images();
  const Outputs outputs =
      task.outputs(images_of({batch, 0, 2}, 2, 3), Detail::answers, info_of(batch));
  EXPECT_EQ(output(outputs, "detections.1").shape(), (autograd::Shape{0, 6}));
  EXPECT_EQ(output(outputs, "masks.1").shape(), (autograd::Shape{0, 28, 28}));
  EXPECT_EQ(task.answers(outputs).at(1).objects->size(), 0u);
  EXPECT_EQ(metrics_of(task, batch).at("segm_AP"), 0);
}

TEST_F(DetectionTest, ACrowdIsNoTarget) {
  Detection task(detection_config(), tiny_backbone(), 1, true);
  data::Batch batch = two_images();
  const Values without = losses_of(task, batch, 2);
  const std::vector<real> gradients = gradients_of(task.parameters());
  data::Object crowd = ellipse(1, {2, 30, 26, 60});
  crowd.crowd = true;
  std::get<data::Objects>(batch.annotations[0]).objects.push_back(crowd);
  EXPECT_EQ(without, losses_of(task, batch, 2));
  EXPECT_EQ(gradients, gradients_of(task.parameters()));
}

TEST_F(DetectionTest, ALogitThatIsNoNumberMakesTheLossNone) {
  Detection task(detection_config(), tiny_backbone(), 1, true);
  for (const char* name : {"rpn_head.rpn_cls.bias", "rpn_head.rpn_reg.bias"}) {
    fill(task, name, std::numeric_limits<real>::quiet_NaN());
    EXPECT_TRUE(std::isnan(losses_of(task, two_images(), 2).at("loss"))) << name;
    // What the training loop then does names the layer.
    const autograd::FiniteCheck check;
    EXPECT_THAT([&] { losses_of(task, two_images(), 2); },
                ThrowsMessage<base::DivergedError>(StartsWith("rpn_head.")));
    EXPECT_THROW(metrics_of(task, two_images()), base::DivergedError);
    fill(task, name, 0);
  }
  fill(task, "roi_head.bbox_head.fc_cls.bias", std::numeric_limits<real>::quiet_NaN());
  EXPECT_TRUE(std::isnan(losses_of(task, two_images(), 2).at("loss")));
  EXPECT_THAT([&] { metrics_of(task, two_images()); },
              ThrowsMessage<base::DivergedError>(HasSubstr("not a number")));
}

// A wide image, padded below, and a high one, in a batch with more padding than either needs.
TEST_F(DetectionTest, OtherImagesOfABatchHaveNoInfluence) {
  Detection task(detection_config({{"test.score", {0}}}), tiny_backbone(), 1, false);
  const std::vector<Size2> real_sizes = {{24, 60}, {60, 32}}, original_sizes = {{48, 60}, {30, 32}};
  const data::Batch batch = two_images();
  const Tensor images = images_of({batch, 0, 2}, 2, 3);
  const Outputs both = task.outputs(images, Detail::answers,
                                    {.real_sizes = real_sizes, .original_sizes = original_sizes});
  const Tensor alone = autograd::pad_or_crop(autograd::slice(images, 0, 1, 2), {64, 32});
  const Outputs second = task.outputs(alone, Detail::answers,
                                      {.real_sizes = std::span(real_sizes).subspan(1),
                                       .original_sizes = std::span(original_sizes).subspan(1)});
  EXPECT_EQ(output(both, "detections.1").values(), output(second, "detections.0").values());
  EXPECT_EQ(output(both, "size.0").values(), (std::vector<real>{48, 60}));
  // Boxes are in pixels of the original images, and inside them.
  const Tensor& wide = output(both, "detections.0");
  ASSERT_GT(wide.dim(0), 0);
  real bottom = 0;
  for (int64_t i = 0; i < wide.dim(0); ++i) {
    const real* row = wide.data() + 6 * i;
    EXPECT_LE(row[2], 60);
    EXPECT_LE(row[3], 48);
    bottom = std::max(bottom, row[3]);
    if (i > 0) {
      EXPECT_GE(row[4 - 6], row[4]) << "the best first";
    }
  }
  EXPECT_GT(bottom, 30) << "twice the 24 rows that the network saw";
}

TEST_F(DetectionTest, EverythingHoldsTheMapsOnTheWay) {
  const Detection task(detection_config(), tiny_backbone(), 1, false);
  const data::Batch batch = two_images();
  const Outputs outputs = task.outputs(images_of({batch, 0, 2}, 2, 3), Detail::everything);
  EXPECT_EQ(output(outputs, "fpn.0").shape(), (autograd::Shape{2, 16, 16, 16}));
  EXPECT_EQ(output(outputs, "fpn.2").shape(), (autograd::Shape{2, 16, 4, 4}));
  EXPECT_EQ(output(outputs, "rpn_objectness.1").shape(), (autograd::Shape{2, 3, 8, 8}));
  EXPECT_EQ(output(outputs, "rpn_deltas.1").shape(), (autograd::Shape{2, 12, 8, 8}));
  const int64_t regions = output(outputs, "proposals.1").dim(0);
  EXPECT_GT(regions, 0);
  EXPECT_EQ(output(outputs, "class_logits.1").shape(), (autograd::Shape{regions, 3}));
  EXPECT_EQ(output(outputs, "box_deltas.1").shape(), (autograd::Shape{regions, 8}));
  EXPECT_EQ(output(outputs, "size.1").shape(), (autograd::Shape{2}));
}

TEST_F(DetectionTest, ObjectsThatCannotBeLearnedAreNamed) {
  Detection task(detection_config(), tiny_backbone(), 1, true);
  data::Batch batch = two_images();
  data::Object& object = std::get<data::Objects>(batch.annotations[1]).objects[0];
  object.class_index = 2;
  EXPECT_THAT([&] { losses_of(task, batch, 2); },
              ThrowsMessage<base::DataError>(
                  StartsWith("image 1 of the batch: found an object of class 2, expected 0 … 1")));
  object.class_index = 1;
  object.mask = {};
  EXPECT_THAT([&] { losses_of(task, batch, 2); },
              ThrowsMessage<base::DataError>(StartsWith("task.mask: found an object without a")));
}

TEST_F(DetectionTest, ImpossibleModelsAreRefused) {
  const auto refusal = [](const TaskConfig& config, const layers::ModelConfig& model) {
    try {
      const Detection task(config, model, 0, false);
    } catch (const base::UsageError& error) {
      return std::string(error.what());
    }
    return std::string();
  };
  EXPECT_THAT(refusal(detection_config(), tiny_backbone(0)),
              HasSubstr("model.num_classes: found 0"));
  EXPECT_THAT(refusal(detection_config({{"anchors.sizes", {8, 16, 32, 64}}}), tiny_backbone()),
              HasSubstr("task.anchors.sizes: found 4, expected as many for each of the 3 levels"));
  layers::ModelConfig vit = tiny_backbone();
  vit.name = "vit";
  EXPECT_THAT(refusal(detection_config(), vit), HasSubstr("found \"vit\" as backbone"));
  EXPECT_EQ(
      refusal(detection_config({{"anchors.sizes", {8, 12, 16, 24, 32, 48}}}), tiny_backbone()), "");
}

TEST_F(DetectionTest, FrozenStagesDoNotLearn) {
  Detection task(detection_config({{"frozen_stages", {1}}}), tiny_backbone(), 1, true);
  EXPECT_FALSE(task.parameters().find("backbone.layers.0.blocks.0.attn.qkv.weight")->trainable);
  EXPECT_TRUE(task.parameters().find("backbone.layers.1.blocks.0.attn.qkv.weight")->trainable);
}

TEST_F(DetectionTest, MetricsAreThoseOfTheTable) {
  for (const double mask : {0, 1}) {
    const TaskConfig config = detection_config({{"mask", {mask}}});
    const Detection task(config, tiny_backbone(), 1, false);
    std::vector<std::string> names, rows;
    for (const auto& [name, value] : task.meter()->metrics()) names.push_back(name);
    for (const MetricRow& row : metrics_of(task_row("detection"), config.own))
      rows.emplace_back(row.name);
    EXPECT_EQ(rows.front(), mask != 0 ? "segm_AP" : "box_AP");
    EXPECT_THAT(names, ::testing::UnorderedElementsAreArray(rows));
    EXPECT_EQ(task.meter()->per_class().size(), 2u);
  }
}

}  // namespace
}  // namespace swin::tasks
