// Cascade Mask R-CNN: what stands between its stages, what they learn, and their means.
#include "tasks/detection_cascade.h"

#include <gmock/gmock.h>

#include <limits>

#include "autograd/ops/ops.h"
#include "base/errors.h"
#include "base/parallel.h"
#include "base/pool.h"
#include "tasks/detection_losses.h"
#include "tests/tasks/detection_support.h"

namespace swin::tasks {
namespace {

using data::BoundingBox;
using testing::batch_of;
using testing::gradients_of;
using testing::kSide;
using testing::Learner;
using testing::losses_of;
using testing::metrics_of;
using testing::Sets;
using testing::tiny_backbone;
using testing::two_images;
using testing::Values;

class CascadeTest : public ::testing::Test {
 protected:
  CascadeTest() { base::set_num_threads(1); }
};

TaskConfig cascade_config(const Sets& sets = {}) {
  Sets all = {{"cascade", {1}}};
  all.insert(all.end(), sets.begin(), sets.end());
  return testing::detection_config(all);
}
DetectionOptions cascade_options() {
  return detection_options(cascade_config().own, tiny_backbone());
}

Tensor tensor(const autograd::Shape& shape, const std::vector<real>& values) {
  return Tensor::from(shape, values);
}

void expect_box(const BoundingBox& box, const BoundingBox& want) {
  EXPECT_NEAR(box.x1, want.x1, 1e-5);
  EXPECT_NEAR(box.y1, want.y1, 1e-5);
  EXPECT_NEAR(box.x2, want.x2, 1e-5);
  EXPECT_NEAR(box.y2, want.y2, 1e-5);
}

TEST_F(CascadeTest, StagesAreThePublishedOnes) {
  const DetectionOptions options = cascade_options();
  ASSERT_EQ(options.stages.size(), 3u);
  EXPECT_EQ(options.stages[0].iou, 0.5);
  EXPECT_EQ(options.stages[1].iou, 0.6);
  EXPECT_EQ(options.stages[2].iou, 0.7);
  EXPECT_EQ(options.stages[2].weight, 0.25);
  EXPECT_NEAR(options.stages[0].coder.weights[0], 10, 1e-12);
  EXPECT_NEAR(options.stages[1].coder.weights[2], 10, 1e-12);
  EXPECT_NEAR(options.stages[2].coder.weights[3], 1 / 0.067, 1e-12);
  EXPECT_TRUE(options.stages[2].coder.clamp_below);
  EXPECT_NEAR(options.rpn_box_beta(), 1.0 / 9, 1e-15);
  EXPECT_THROW(detection_options(cascade_config({{"convention", {1}}}).own, tiny_backbone()),
               base::UsageError);
  EXPECT_EQ(detection_options(testing::detection_config().own, tiny_backbone()).stages.size(), 1u);
}

// Two classes, three regions: the second is of class 0, though class 1 is more probable; the last
// leaves the image.
TEST_F(CascadeTest, RegionsMoveByTheDeltasToTheirClass) {
  const layers::BoxPredictions predictions = {
      tensor({3, 3}, {0, 1, 9, 0, 1, 9, 2, 1, 0}),
      tensor({3, 8}, {9, 9, 9, 9, 1, 0, 0, 0, 0, 2, 0, 0, 9, 9, 9, 9, -9, 0, 0, 0, 9, 9, 9, 9})};
  const BoxCoder coder = {{10, 10, 5, 5}, true};
  const Boxes regions = {{10, 10, 30, 20}, {10, 10, 30, 20}, {10, 10, 30, 20}};
  const auto moved =
      refined(predictions, 0, regions, std::vector<int32_t>{2, 0, 2}, 2, {40, 50}, coder);
  ASSERT_TRUE(moved && moved->size() == 3);
  expect_box((*moved)[0], {12, 10, 32, 20});  // class 1, though the background is more probable
  expect_box((*moved)[1], {10, 12, 30, 22});
  expect_box((*moved)[2], {0, 10, 12, 20});
  // Without labels the second region goes with class 1, too. Rows may begin further on.
  const auto best = refined(predictions, 2, {regions[2]}, {}, 2, {40, 50}, coder);
  ASSERT_TRUE(best);
  expect_box((*best)[0], {0, 10, 12, 20});

  constexpr real kNaN = std::numeric_limits<real>::quiet_NaN();
  for (const bool of_logits : {false, true}) {
    layers::BoxPredictions broken = {tensor({1, 3}, {0, 1, 0}),
                                     tensor({1, 8}, {0, 0, 0, 0, 0, 0, 0, 0})};
    (of_logits ? broken.logits : broken.deltas) =
        of_logits ? tensor({1, 3}, {kNaN, 1, 0}) : tensor({1, 8}, {0, 0, 0, 0, 0, kNaN, 0, 0});
    EXPECT_FALSE(refined(broken, 0, {regions[0]}, {}, 2, {40, 50}, coder));
  }
}

// Two images: of the first a true box, another positive and a negative, of the second a negative.
TEST_F(CascadeTest, TheNextStageDrawsFromRefinedRegionsWithoutTrueBoxes) {
  const std::vector<SampledRegions> samples = {
      {{{0, 0, 10, 10}, {1, 1, 11, 11}, {20, 20, 30, 30}}, {0, 0}, {1, 0, 0}},
      {{{4, 4, 8, 8}}, {}, {0}}};
  RegionTargets targets;
  targets.labels = {0, 0, 1, 1};
  const layers::BoxPredictions predictions = {
      tensor({4, 2}, {0, 0, 0, 0, 0, 0, 0, 0}),
      tensor({4, 4}, {1, 0, 0, 0, 1, 0, 0, 0, 2, 0, 0, 0, 5, 0, 0, 0})};
  const std::vector<base::Size2> sizes = {{64, 64}, {64, 64}};
  const HeadStage stage = {.coder = {{10, 10, 5, 5}, true}};
  const auto next = next_proposals(predictions, targets, samples, 1, sizes, stage);
  ASSERT_TRUE(next && next->size() == 2);
  ASSERT_EQ((*next)[0].size(), 2u);
  expect_box((*next)[0][0], {2, 1, 12, 11});
  expect_box((*next)[0][1], {22, 20, 32, 30});
  ASSERT_EQ((*next)[1].size(), 1u);
  expect_box((*next)[1][0], {6, 4, 10, 8});
}

TEST_F(CascadeTest, SamplesSayWhichAreTrueBoxes) {
  const DetectionOptions options = cascade_options();
  Truth truth;
  truth.boxes = {{10, 10, 30, 30}};
  truth.classes = {0};
  const Boxes proposals = {{11, 10, 30, 30}, {40, 40, 60, 60}, {10, 17, 30, 30}};
  const auto sampled = [&](size_t stage) {
    return sample_regions(truth, proposals, options.stages[stage], options, base::Random(1, "x"));
  };
  const SampledRegions first = sampled(0), last = sampled(2);
  EXPECT_EQ(first.objects.size(), 3u);
  EXPECT_EQ(first.is_true, (std::vector<uint8_t>{1, 0, 0, 0}));
  EXPECT_EQ(last.objects.size(), 2u) << "an IoU of 0.65 is enough for the first two stages";
  EXPECT_EQ(last.is_true, (std::vector<uint8_t>{1, 0, 0, 0}));
}

// Ten times the GIoU loss of the boxes that the deltas lead to, over all regions.
TEST_F(CascadeTest, TheBoxLossIsOfBoxes) {
  const DetectionOptions options = cascade_options();
  const HeadStage& stage = options.stages[1];
  Truth truth;
  truth.boxes = {{10, 10, 30, 30}};
  truth.classes = {0};
  truth.image = {kSide, kSide};
  const std::vector<SampledRegions> samples = {{{{12, 10, 32, 30}, {40, 40, 60, 60}}, {0}, {0, 0}}};
  const RegionTargets targets = region_targets({truth}, samples, 1, 0, stage, options);
  const auto loss = [&](const std::vector<real>& deltas) {
    std::vector<real> all = deltas;
    all.resize(8);
    const Losses losses = box_losses({tensor({2, 2}, {0, 0, 0, 0}), tensor({2, 4}, all)}, targets,
                                     1, 0.5, stage, options);
    return static_cast<double>(losses.at(1).value.data()[0]);
  };
  EXPECT_NEAR(loss(targets.deltas), 0, 1e-5);
  // IoU 18 / 22, and the hull is the union.
  EXPECT_NEAR(loss({0, 0, 0, 0}), 10 * (1 - 18.0 / 22) * 0.5 / 2, 1e-5);
}

TEST_F(CascadeTest, LossesAreWeightedSumsOverTheStages) {
  Detection task(cascade_config(), tiny_backbone(), 1, true);
  const Values losses = losses_of(task, two_images(), 2);
  ASSERT_EQ(losses.size(), 6u);
  double sum = 0;
  for (const auto& [name, value] : losses)
    if (name != "loss") sum += value;
  EXPECT_NEAR(losses.at("loss"), sum, 1e-4);
  // Initial logits are almost equal: ln 3 of each stage, times 1, 0.5 and 0.25.
  EXPECT_NEAR(losses.at("class_loss"), 1.75 * std::log(3.0), 0.1);
}

TEST_F(CascadeTest, TheNumberOfThreadsDoesNotShow) {
  Detection task(cascade_config(), tiny_backbone(), 1, true);
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

TEST_F(CascadeTest, ImagesWithoutObjectsAndWithoutProposalsAreSteps) {
  Detection task(cascade_config(), tiny_backbone(), 1, true);
  layers::Parameters& parameters = task.parameters();
  const Values empty = losses_of(task, batch_of({{}, {}}), 2);
  EXPECT_GT(empty.at("class_loss"), 0);
  for (const char* part : {"box_loss", "mask_loss"}) EXPECT_EQ(empty.at(part), 0) << part;
  EXPECT_EQ(parameters.without_gradient(), "");
  for (size_t i = 0; i < parameters.size(); ++i)
    if (parameters[i].name == "rpn_head.rpn_reg.bias")
      std::fill_n(parameters.mutable_data(i), parameters[i].numel(), real{1000});
  const Values none = losses_of(task, batch_of({{}}), 1);
  for (const char* part : {"class_loss", "box_loss", "mask_loss"}) EXPECT_EQ(none.at(part), 0);
  EXPECT_EQ(parameters.without_gradient(), "");
  const data::Batch batch = two_images();
  EXPECT_TRUE(std::isfinite(losses_of(task, batch, 2).at("loss")));
  EXPECT_EQ(metrics_of(task, batch).at("segm_AP"), 0);
}

TEST_F(CascadeTest, DeltasThatAreNoNumbersMakeTheLossNone) {
  Detection task(cascade_config(), tiny_backbone(), 1, true);
  layers::Parameters& parameters = task.parameters();
  for (size_t i = 0; i < parameters.size(); ++i)
    if (parameters[i].name == "roi_head.bbox_head.0.fc_reg.bias")
      std::fill_n(parameters.mutable_data(i), parameters[i].numel(),
                  std::numeric_limits<real>::quiet_NaN());
  EXPECT_TRUE(std::isnan(losses_of(task, two_images(), 2).at("loss")));
  EXPECT_THROW(metrics_of(task, two_images()), base::DivergedError);
}

// Mean logits of the stages, and boxes of the last one; with weights for which both are known.
TEST_F(CascadeTest, AnswersAreMeansOfTheStages) {
  Detection task(cascade_config({{"test.score", {0}}, {"mask", {0}}}), tiny_backbone(), 1, false);
  layers::Parameters& parameters = task.parameters();
  const auto fill = [&](const std::string& name, const std::vector<real>& values) {
    for (size_t i = 0; i < parameters.size(); ++i)
      if (parameters[i].name == name)
        for (int64_t k = 0; k < parameters[i].numel(); ++k)
          parameters.mutable_data(i)[k] = values[static_cast<size_t>(k) % values.size()];
  };
  for (int stage = 0; stage < 3; ++stage) {
    const std::string head = "roi_head.bbox_head." + std::to_string(stage);
    fill(head + ".fc_cls.weight", {0});
    fill(head + ".fc_reg.weight", {0});
    fill(head + ".fc_cls.bias", {static_cast<real>(stage), 0, static_cast<real>(6 * stage)});
  }
  // Only the deltas to class 0 count: it is the best one. Each stage moves a tenth of the width.
  fill("roi_head.bbox_head.0.fc_reg.bias", {1, 0, 0, 0, 9, 9, 9, 9});
  fill("roi_head.bbox_head.1.fc_reg.bias", {2, 0, 0, 0, 9, 9, 9, 9});
  const data::Batch batch = two_images();
  const Outputs outputs = task.outputs(images_of({batch, 0, 1}, 1, 3), Detail::everything);
  const Tensor& logits = output(outputs, "class_logits.0");
  ASSERT_GT(logits.dim(0), 0);
  for (int64_t i = 0; i < logits.dim(0); ++i) {
    EXPECT_NEAR(static_cast<double>(logits.data()[3 * i]), 1, 1e-5);
    EXPECT_NEAR(static_cast<double>(logits.data()[3 * i + 2]), 6, 1e-5);
  }
  const Tensor &proposals = output(outputs, "proposals.0"),
               &found = output(outputs, "detections.0");
  // Every box found is a proposal moved by a fifth of its width, and cut at the border.
  ASSERT_GT(found.dim(0), 0);
  for (int64_t i = 0; i < found.dim(0); ++i) {
    double nearest = 1e9;
    for (int64_t k = 0; k < proposals.dim(0); ++k) {
      BoundingBox box{proposals.data()[4 * k], proposals.data()[4 * k + 1],
                      proposals.data()[4 * k + 2], proposals.data()[4 * k + 3]};
      for (int stage = 0; stage < 2; ++stage) {
        const double step = 0.1 * (box.x2 - box.x1);
        box.x1 = std::min<double>(kSide, box.x1 + step);
        box.x2 = std::min<double>(kSide, box.x2 + step);
      }
      nearest =
          std::min(nearest, std::abs(box.x1 - static_cast<double>(found.data()[6 * i])) +
                                std::abs(box.x2 - static_cast<double>(found.data()[6 * i + 2])));
    }
    EXPECT_LT(nearest, 1e-3) << i;
  }
}

// Anchors that leave the image are no samples: fewer than of Mask R-CNN.
TEST_F(CascadeTest, AnchorsOutsideOfTheImageTeachNothing) {
  const Sets all = {{"rpn.batch", {1000}}};
  const Detection cascade(cascade_config(all), tiny_backbone(), 1, false),
      plain(testing::detection_config(all), tiny_backbone(), 1, false);
  const data::Batch batch = two_images();
  EXPECT_LT(cascade.count(batch)[0], 0.8 * plain.count(batch)[0]);
}

TEST_F(CascadeTest, ADryRunTouchesNothing) {
  const base::DryRun dry;
  Detection task(cascade_config(), tiny_backbone(), 1, true);
  data::Batch batch;
  batch.size = 2;
  batch.padded_size = {kSide, kSide};
  layers::Pass pass;
  pass.training = true;
  autograd::Tape tape;
  const autograd::Tape::Recording recording(tape);
  const Losses losses = task.loss({batch, 0, 2}, pass, task.count(batch));
  tape.backward(losses[0].value);
  EXPECT_EQ(losses.size(), 6u);
  EXPECT_EQ(output(task.outputs(Tensor({2, kSide, kSide, 3}), Detail::answers), "masks.1").shape(),
            (autograd::Shape{100, 28, 28}));
}

}  // namespace
}  // namespace swin::tasks
