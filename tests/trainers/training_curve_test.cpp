// Twenty steps of a small Swin and a small Swin V2, each loss compared with PyTorch's
// (scripts/reference/make_training_curve.py): tests model, loss, clipping, AdamW and schedule
// together.
#include <gtest/gtest.h>

#include <cmath>

#include "layers/model.h"
#include "tests/support/places.h"
#include "tests/trainers/run_support.h"
#include "trainers/config/config.h"
#include "trainers/optim/adamw.h"
#include "trainers/optim/schedule.h"
#include "trainers/run/step.h"
#include "weights/generated_weights.h"

namespace swin::trainers {
namespace {

constexpr double kTolerance = 1e-4;  // of a loss, relative

base::Json stored_curves() {
  const std::string file = swin::test::source_dir() + "/tests/goldens/training_curve.json";
  return base::parse_json(testing::read_text(file), file);
}

// A batch of generated images and labels of a stream, in the layout of the loader.
data::Batch generated_batch(uint64_t seed, const std::string& stream, int64_t size,
                            const layers::ModelConfig& model) {
  const int64_t area = model.image_size[0] * model.image_size[1], channels = model.in_chans;
  const std::vector<float> planes =
      weights::generated_images(seed, stream + "/input", size * channels * area);
  data::Batch batch;
  batch.size = size;
  batch.padded_size = model.image_size;
  batch.images.resize(planes.size());
  for (int64_t b = 0; b < size; ++b)
    for (int64_t c = 0; c < channels; ++c)
      for (int64_t i = 0; i < area; ++i)
        batch.images[static_cast<size_t>((b * area + i) * channels + c)] =
            planes[static_cast<size_t>((b * channels + c) * area + i)];
  batch.labels = weights::generated_labels(seed, stream + "/target", size, model.num_classes);
  for (int64_t b = 0; b < size; ++b) batch.indices.push_back(b);
  return batch;
}

struct Curve {
  std::vector<double> losses, norms, learning_rates;
};

// @param change changes the config, to test that the losses then differ.
Curve trained(const base::Json& golden, uint64_t seed,
              const std::function<void(Config&)>& change = {}) {
  Config config = parse_config(golden.at("config"));
  if (change) change(config);
  const auto task = make_task(config.task, config.model, 0, true);
  weights::fill_generated(task->parameters(), seed);
  const auto optimizer = make_optimizer(task->parameters(), config.optimizer);
  const int64_t size = config.trainer.batch_size;
  const Schedule schedule(config.schedule, config.optimizer, size, 1);
  Step train_step(*task, *optimizer, config.trainer);
  Curve curve;
  for (int64_t step = 1; step <= schedule.total_steps(); ++step) {
    const data::Batch batch =
        generated_batch(seed, "batch." + std::to_string(step), size, config.model);
    curve.learning_rates.push_back(schedule.learning_rate(step));
    const Step::Result result = train_step(batch, step, curve.learning_rates.back());
    curve.losses.push_back(result.loss());
    curve.norms.push_back(result.gradient_norm);
  }
  return curve;
}

std::vector<double> reals(const base::Json& list) {
  std::vector<double> values;
  for (const base::Json& item : list.items()) values.push_back(item.as_real());
  return values;
}

double largest_difference(const std::vector<double>& found, const std::vector<double>& expected) {
  EXPECT_EQ(found.size(), expected.size());
  double largest = 0;
  for (size_t i = 0; i < std::min(found.size(), expected.size()); ++i) {
    const double difference = std::abs(found[i] - expected[i]) / std::abs(expected[i]);
    largest = std::max(largest, std::isfinite(difference) ? difference : INFINITY);
  }
  return largest;
}

class TrainingCurve : public ::testing::TestWithParam<std::string> {};

TEST_P(TrainingCurve, EveryLossEqualsPyTorchs) {
  const base::Json stored = stored_curves();
  const base::Json& golden = stored.at("curves").at(GetParam());
  const Curve curve = trained(golden, static_cast<uint64_t>(stored.at("seed").as_int()));
  const std::vector<double> expected = reals(golden.at("losses"));
  ASSERT_EQ(curve.losses.size(), 20u);
  ASSERT_EQ(expected.size(), 20u);
  for (size_t i = 0; i < expected.size(); ++i)
    EXPECT_NEAR(curve.losses[i], expected[i], kTolerance * expected[i]) << "step " << i + 1;
  EXPECT_LT(largest_difference(curve.norms, reals(golden.at("gradient_norms_float64"))), 1e-3);
  EXPECT_LT(largest_difference(curve.learning_rates, reals(golden.at("learning_rates"))), 1e-12);
  // Some steps are clipped and some are not: both branches are tested.
  const auto clipped =
      std::count_if(curve.norms.begin(), curve.norms.end(), [](double norm) { return norm > 5; });
  EXPECT_GT(clipped, 0);
  EXPECT_LT(clipped, 20);
  RecordProperty("largest_relative_error",
                 std::to_string(largest_difference(curve.losses, expected) * 1e6) + "e-6");
}

INSTANTIATE_TEST_SUITE_P(PyTorch, TrainingCurve, ::testing::Values("swin", "swin_v2"),
                         [](const auto& test) { return test.param; });

// The tolerance is small enough to see a wrong recipe.
TEST(TrainingCurveNotices, EveryPartOfTheRecipe) {
  const base::Json stored = stored_curves();
  const base::Json& golden = stored.at("curves").at("swin");
  const uint64_t seed = static_cast<uint64_t>(stored.at("seed").as_int());
  const std::vector<double> expected = reals(golden.at("losses"));
  const auto differs = [&](const std::function<void(Config&)>& change) {
    return largest_difference(trained(golden, seed, change).losses, expected) > kTolerance;
  };
  EXPECT_FALSE(differs([](Config&) {}));
  EXPECT_TRUE(differs([](Config& config) { config.optimizer.weight_decay = 0; }));
  EXPECT_TRUE(differs([](Config& config) { config.optimizer.own.set("betas", {0.9, 0.99}); }));
  EXPECT_TRUE(differs([](Config& config) { config.trainer.clip_grad.reset(); }));
  EXPECT_TRUE(differs([](Config& config) { config.task.own.set("label_smoothing", {0.09}); }));
  EXPECT_TRUE(differs([](Config& config) { config.schedule.warmup_lr = 0; }));
}

}  // namespace
}  // namespace swin::trainers
