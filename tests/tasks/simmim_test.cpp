// SimMIM as a task: masks, loss and metrics.
#include "tasks/simmim.h"

#include <gmock/gmock.h>

#include <cmath>

#include "base/errors.h"
#include "tests/tasks/tiny_model.h"

namespace swin::tasks {
namespace {

TaskConfig hiding(double mask_patch_size, double mask_ratio) {
  TaskConfig config;
  config.name = "simmim";
  config.own.set("mask_patch_size", {mask_patch_size});
  config.own.set("mask_ratio", {mask_ratio});
  return config;
}

data::Batch images(int64_t size) {
  data::Batch batch;
  batch.size = size;
  batch.padded_size = {8, 8};
  batch.images.resize(static_cast<size_t>(size * 8 * 8 * 3));
  for (size_t i = 0; i < batch.images.size(); ++i)
    batch.images[i] = std::sin(static_cast<float>(i * i % 97));
  return batch;
}

TEST(SimMim, HidesWholeCellsAndTheSameNumberInEveryImage) {
  const SimMim task(hiding(4, 0.6), testing::tiny_model(0), 0, false);
  const data::Batch batch = images(5);
  const Tensor x = images_of({batch, 0, 5}, 5, 3);
  const std::vector<int64_t> indices = {0, 1, 2, 3, 4};
  const Tensor mask = output(task.outputs(x, Detail::answers, {.indices = indices}), "mask");
  ASSERT_EQ(mask.shape(), (autograd::Shape{5, 4, 4}));
  std::vector<std::vector<real>> masks;
  for (int64_t b = 0; b < 5; ++b) {
    const real* m = mask.data() + b * 16;
    masks.emplace_back(m, m + 16);
    EXPECT_EQ(std::count(m, m + 16, real{1}), 3 * 4);  // ⌈0.6 · 4⌉ cells of 2 × 2 patches
    for (int64_t i = 0; i < 16; ++i) EXPECT_EQ(m[i], m[i / 8 * 8 + i % 4 / 2 * 2]) << i;
  }
  EXPECT_GT(std::set<std::vector<real>>(masks.begin(), masks.end()).size(), 1u);
  EXPECT_EQ(task.count(batch), (Count{5 * 3 * 16}));
}

TEST(SimMim, TheMaskOfAnEvaluatedImageDependsOnItsIndexAlone) {
  const SimMim task(hiding(2, 0.5), testing::tiny_model(0), 0, false);
  const data::Batch batch = images(2);
  const Tensor x = images_of({batch, 0, 2}, 2, 3);
  const auto mask = [&](std::vector<int64_t> indices) {
    return output(task.outputs(x, Detail::answers, {.indices = indices}), "mask").values();
  };
  const std::vector<real> forward = mask({7, 12}), backward = mask({12, 7});
  EXPECT_TRUE(std::equal(forward.begin(), forward.begin() + 16, backward.begin() + 16));
  EXPECT_NE(forward, backward);
}

// The masks of a step are those of its samples, not of its slices.
TEST(SimMim, LossesOfSlicesAddUp) {
  const SimMim task(hiding(2, 0.5), testing::tiny_model(0), 3, false);
  const data::Batch batch = images(4);
  const Count count = task.count(batch);
  const auto loss = [&](int64_t begin, int64_t size, uint64_t step) {
    layers::Pass pass;
    pass.seed = 5;
    pass.step = step;
    pass.first_sample = static_cast<uint64_t>(begin);
    return static_cast<double>(task.loss({batch, begin, size}, pass, count)[0].value.data()[0]);
  };
  EXPECT_NEAR(loss(0, 4, 1), loss(0, 1, 1) + loss(1, 3, 1), 1e-6);
  EXPECT_NE(loss(0, 4, 1), loss(0, 4, 2));
}

TEST(SimMim, MetricsAreMeansOverHiddenPixels) {
  const SimMim task(hiding(4, 0.5), testing::tiny_model(0), 0, false);
  const data::Batch batch = images(1);
  // Of four cells the right ones are hidden.
  Tensor mask = Tensor::filled({1, 4, 4}, 0);
  for (int64_t i = 0; i < 16; ++i) mask.mutable_data()[i] = i % 4 >= 2 ? real{1} : real{0};
  const Tensor painted = Tensor::filled({1, 3, 8, 8}, real{0.5});
  const auto meter = task.meter();
  meter->add({{"reconstruction", painted}, {"mask", mask}}, batch);
  double loss = 0, mean_loss = 0;
  for (size_t c = 0; c < 3; ++c) {
    double mean = 0;
    for (size_t i = 0; i < 64; ++i)
      if (i % 8 < 4) mean += static_cast<double>(batch.images[i * 3 + c]) / 32;
    for (size_t i = 0; i < 64; ++i) {
      if (i % 8 < 4) continue;
      loss += std::abs(0.5 - static_cast<double>(batch.images[i * 3 + c])) / 96;
      mean_loss += std::abs(mean - static_cast<double>(batch.images[i * 3 + c])) / 96;
    }
  }
  const Metrics metrics = meter->metrics();
  EXPECT_EQ(metrics[0].first, "loss");
  EXPECT_NEAR(metrics[0].second, loss, 1e-9);
  EXPECT_EQ(metrics[1].first, "visible_mean_loss");
  EXPECT_NEAR(metrics[1].second, mean_loss, 1e-9);
}

TEST(SimMim, SizesThatDoNotDivideAreRefused) {
  const auto refusal = [](double cell, std::vector<int64_t> depths) -> std::string {
    layers::ModelConfig model = testing::tiny_model(0);
    model.depths = depths;
    model.num_heads = std::vector<int64_t>(depths.size(), 1);
    try {
      const SimMim task(hiding(cell, 0.5), model, 0, false);
    } catch (const base::UsageError& error) {
      return error.what();
    }
    return "";
  };
  EXPECT_EQ(refusal(3, {1}),
            "task.mask_patch_size: found 3, expected a multiple of model.patch_size, 2");
  EXPECT_EQ(refusal(6, {1}),
            "task.mask_patch_size: found 6, expected a divisor of model.image_size, 8 × 8");
  EXPECT_EQ(
      refusal(4, {1, 1, 1, 1}),
      "model.image_size: found 8 × 8, expected sides divisible by the 16 pixels that a token of "
      "the last stage covers");
  EXPECT_EQ(refusal(4, {1, 1}), "");
}

}  // namespace
}  // namespace swin::tasks
