// Pre-training without labels: a run, its resume, its evaluation, and a classifier that starts from
// its encoder.
#include <gmock/gmock.h>

#include <csignal>

#include "tests/trainers/run_support.h"
#include "trainers/run/evaluate.h"
#include "trainers/run/plan.h"
#include "trainers/run/stored_model.h"
#include "weights/dialects.h"

namespace swin::trainers {
namespace {

using namespace testing;

Config simmim_config(const std::vector<std::string>& sets = {}) {
  std::vector<std::string> all = {
      R"(task={"name": "simmim", "mask_patch_size": 4, "mask_ratio": 0.5})",
      "checkpoint.keep_best=false"};
  all.insert(all.end(), sets.begin(), sets.end());
  return micro_config(all);
}

TEST(SimMimRuns, ResumesBitForBitWithAnySlices) {
  const TemporaryDirectory directory;
  const auto whole = directory / "whole", stopped = directory / "stopped";
  train(options_of(simmim_config(), whole));
  TrainOptions options = options_of(simmim_config(), stopped);
  AfterStep after_step([](int64_t step) {
    if (step == 2) raise(SIGUSR1);
  });
  options.listeners = {&after_step};
  EXPECT_EQ(train(options).steps, 2);
  EXPECT_EQ(train(options_of(simmim_config(), stopped)).steps, 4);
  EXPECT_TRUE(checkpoint_bytes(stopped, 4) == checkpoint_bytes(whole, 4));
}

TEST(SimMimRuns, EvaluatesAndItsEncoderStartsAClassifier) {
  const TemporaryDirectory directory;
  const auto run = directory / "run";
  const TrainResult trained = train(options_of(simmim_config(), run));
  ASSERT_EQ(trained.metrics.size(), 2u);
  const EvaluateResult evaluated =
      evaluate({.checkpoint = trained.last, .data = "", .sets = {}, .quiet = true});
  EXPECT_EQ(evaluated.images, 21);
  EXPECT_EQ(evaluated.metrics, trained.metrics);
  EXPECT_THAT(message_of<base::UsageError>([&] { load_model(trained.last).task->answers({}); }),
              ::testing::HasSubstr("found \"simmim\", expected a task that answers with classes"));

  train(options_of(micro_config({"init.checkpoint=" + trained.last, "optimizer.lr=1e-30",
                                 "schedule.warmup_lr=0", "schedule.min_lr=0"}),
                   directory / "classifier"));
  const auto array = [](const std::string& file, const std::string& name) {
    const files::CheckpointFile checkpoint(file);
    std::vector<float> values(4);
    std::vector<float> all(static_cast<size_t>(*files::num_elements_of(checkpoint.shape_of(name))));
    checkpoint.read_float32(name, all);
    std::copy_n(all.begin(), 4, values.begin());
    return values;
  };
  const std::string name = "layers.0.blocks.0.attn.qkv.weight";
  EXPECT_EQ(array((directory / "classifier" / "last.h5").string(), "model/" + name),
            array(trained.last, "model/encoder." + name));
}

TEST(SimMimRuns, APlanCountsItsEncoderByStages) {
  const ForwardPlan simmim = plan_forward(simmim_config().task, simmim_config().model);
  Config classifier = micro_config();
  classifier.model.num_classes = 10;
  const ForwardPlan plain = plan_forward(classifier.task, classifier.model);
  EXPECT_EQ(simmim.stages[0].macs, plain.stages[0].macs);
  EXPECT_EQ(simmim.stages[1].parameters, plain.stages[1].parameters);
}

}  // namespace
}  // namespace swin::trainers
