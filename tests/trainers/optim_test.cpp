// The schedule against its formula, AdamW against plain loops in double precision.
#include <gtest/gtest.h>

#include <cmath>

#include "base/errors.h"
#include "layers/model.h"
#include "trainers/optim/adamw.h"
#include "trainers/optim/parameter_groups.h"
#include "trainers/optim/schedule.h"

namespace swin::trainers {
namespace {

ScheduleConfig cosine(int64_t steps, int64_t warmup) {
  ScheduleConfig schedule;
  schedule.epochs.reset();
  schedule.steps = steps;
  schedule.warmup_steps = warmup;
  schedule.warmup_lr = 0.1;
  schedule.own.set("min_lr", {0.2});
  return schedule;
}

OptimizerConfig rate(double lr) {
  OptimizerConfig optimizer;
  optimizer.lr = lr;
  return optimizer;
}

TEST(Schedule, WarmsUpLinearlyThenFollowsHalfACosine) {
  const Schedule schedule(cosine(12, 4), rate(1.0), 8, 3);
  EXPECT_EQ(schedule.total_steps(), 12);
  EXPECT_DOUBLE_EQ(schedule.learning_rate(1), 0.1);
  EXPECT_DOUBLE_EQ(schedule.learning_rate(2), 0.1 + 0.9 / 4);
  EXPECT_DOUBLE_EQ(schedule.learning_rate(4), 0.1 + 0.9 * 3 / 4);
  EXPECT_DOUBLE_EQ(schedule.learning_rate(5), 1.0);  // the cosine starts at its maximum
  EXPECT_NEAR(schedule.learning_rate(9), 0.2 + 0.5 * 0.8, 1e-12);  // half way
  for (int64_t step = 5; step <= 12; ++step)
    EXPECT_NEAR(schedule.learning_rate(step),
                0.2 + 0.4 * (1 + std::cos(M_PI * static_cast<double>(step - 5) / 8)), 1e-12);
  EXPECT_NEAR(schedule.learning_rate(13), 0.2, 1e-12);
}

TEST(Schedule, CountsEpochsInStepsAndScalesAllRates) {
  ScheduleConfig config = cosine(0, 0);
  config.steps.reset();
  config.epochs = 5;
  config.warmup_steps.reset();
  config.warmup_epochs = 0.5;
  OptimizerConfig optimizer = rate(1.0);
  optimizer.lr_reference_batch = 512;
  const Schedule schedule(config, optimizer, 128, 10);
  EXPECT_EQ(schedule.total_steps(), 50);
  EXPECT_EQ(schedule.warmup_steps(), 5);
  EXPECT_DOUBLE_EQ(schedule.learning_rate(1), 0.1 / 4);
  EXPECT_DOUBLE_EQ(schedule.learning_rate(6), 1.0 / 4);
  EXPECT_NEAR(schedule.learning_rate(51), 0.2 / 4, 1e-12);
}

TEST(Schedule, WithoutWarmUpStartsAtTheMaximum) {
  EXPECT_DOUBLE_EQ(Schedule(cosine(3, 0), rate(1.0), 8, 3).learning_rate(1), 1.0);
  EXPECT_DOUBLE_EQ(Schedule(cosine(3, 3), rate(1.0), 8, 3).learning_rate(3), 0.1 + 0.9 * 2 / 3);
}

layers::ModelConfig small_model() {
  layers::ModelConfig config;
  config.image_size = {8, 8};
  config.patch_size = 2;
  config.embed_dim = 10;  // so that parameters end inside a vector
  config.depths = {1, 1};
  config.num_heads = {1, 2};
  config.window_size = {2, 2};
  config.ape = true;
  config.num_classes = 3;
  return config;
}

TEST(Schedule, LinearEndsAtTheLowestRate) {
  ScheduleConfig config = cosine(10, 2);
  config.name = "linear";
  const Schedule schedule(config, rate(1.0), 8, 10);
  EXPECT_DOUBLE_EQ(schedule.learning_rate(1), 0.1);
  EXPECT_DOUBLE_EQ(schedule.learning_rate(3), 1.0);
  EXPECT_DOUBLE_EQ(schedule.learning_rate(7), 0.6);  // halfway from 1 to 0.2
  EXPECT_DOUBLE_EQ(schedule.learning_rate(11), 0.2);
}

// mmcv: the curve runs from the first step on, and the warm-up multiplies it.
TEST(Schedule, PolynomialIsThatOfMmsegmentation) {
  ScheduleConfig config = cosine(160000, 1500);
  config.name = "polynomial";
  config.warmup_lr = 6e-11;
  config.own.set("min_lr", {0});
  const Schedule line(config, rate(6e-5), 16, 1000);
  const auto expected = [](int64_t i, double power) {
    const double regular = 6e-5 * std::pow(1 - static_cast<double>(i) / 160000, power);
    const double k = (1 - static_cast<double>(i) / 1500) * (1 - 1e-6);
    return i < 1500 ? regular * (1 - k) : regular;
  };
  for (const int64_t i : {0, 1, 749, 1499, 1500, 80000, 159999})
    EXPECT_NEAR(line.learning_rate(i + 1), expected(i, 1), 1e-18) << i;
  config.own.set("power", {0.9});
  const Schedule curve(config, rate(6e-5), 16, 1000);
  EXPECT_NEAR(curve.learning_rate(40001), expected(40000, 0.9), 1e-18);
}

TEST(Schedule, MultiStepFallsAtMilestonesInEpochs) {
  ScheduleConfig config = cosine(12, 2);
  config.name = "multi_step";
  config.own.set("milestones", {1, 2.5});
  config.own.set("gamma", {0.5});
  const Schedule schedule(config, rate(1.0), 8, 4);
  EXPECT_DOUBLE_EQ(schedule.learning_rate(1), 0.1);
  EXPECT_DOUBLE_EQ(schedule.learning_rate(4), 1.0);
  EXPECT_DOUBLE_EQ(schedule.learning_rate(5), 0.5);  // the first step of the second epoch
  EXPECT_DOUBLE_EQ(schedule.learning_rate(10), 0.5);
  EXPECT_DOUBLE_EQ(schedule.learning_rate(11), 0.25);
}

/// Compares AdamW with plain loops, with layer decay and frozen parameters.
void expect_plain_loops(double layer_decay, const std::vector<std::string>& frozen) {
  layers::Model model(small_model(), 1, true);
  layers::Parameters& parameters = model.parameters();
  freeze(parameters, frozen);
  OptimizerConfig config;
  config.own.set("betas", {0.8, 0.95});
  config.own.set("eps", {1e-6});
  config.weight_decay = 0.1;
  const auto optimizer = make_optimizer(
      parameters, config, learning_rate_scales(parameters, model.config(), layer_decay));
  // Layers with one block per stage: patch embedding; block and downsampling; block; the rest.
  const auto layer_of = [](const std::string& name) {
    if (name.starts_with("patch_embed")) return 0;
    if (name.starts_with("layers.0")) return 1;
    return name.starts_with("layers.1") ? 2 : 3;
  };

  struct Reference {
    std::vector<double> w, m, v;
  };
  std::vector<Reference> references;
  for (size_t i = 0; i < parameters.size(); ++i) {
    const float* data = parameters.slab() + parameters[i].offset;
    const size_t n = static_cast<size_t>(parameters[i].numel());
    references.push_back(
        {std::vector<double>(data, data + n), std::vector<double>(n), std::vector<double>(n)});
  }
  const double common_lr = 0.01, factor = 0.5;
  for (int step = 1; step <= 3; ++step) {
    double square_sum = 0;
    for (size_t i = 0; i < parameters.size(); ++i) {
      const layers::ParameterEntry& entry = parameters[i];
      const bool decays = entry.shape.rank() > 1 && entry.name != "absolute_pos_embed" &&
                          entry.name.find("relative_position_bias_table") == std::string::npos;
      if (!entry.trainable) continue;
      const double lr = common_lr * std::pow(layer_decay, 3 - layer_of(entry.name));
      for (int64_t j = 0; j < entry.numel(); ++j) {
        const float g = static_cast<float>(std::sin(static_cast<double>(j) * 0.7 + step) +
                                           0.1 * static_cast<double>(i));
        parameters.gradient_slab()[entry.offset + j] = g;
        square_sum += static_cast<double>(g) * g;
        Reference& t = references[i];
        const size_t k = static_cast<size_t>(j);
        t.m[k] = 0.8 * t.m[k] + 0.2 * g * factor;
        t.v[k] = 0.95 * t.v[k] + 0.05 * g * factor * g * factor;
        const double m_hat = t.m[k] / (1 - std::pow(0.8, step));
        const double v_hat = t.v[k] / (1 - std::pow(0.95, step));
        t.w[k] -= lr * ((decays ? 0.1 * t.w[k] : 0) + m_hat / (std::sqrt(v_hat) + 1e-6));
      }
    }
    EXPECT_NEAR(gradient_norm(parameters), std::sqrt(square_sum), 1e-9 * std::sqrt(square_sum));
    optimizer->step(common_lr, factor, step);
  }
  for (size_t i = 0; i < parameters.size(); ++i)
    for (int64_t j = 0; j < parameters[i].numel(); ++j)
      ASSERT_NEAR(parameters.slab()[parameters[i].offset + j],
                  references[i].w[static_cast<size_t>(j)], 1e-6)
          << parameters[i].name << " " << j;
  for (const Optimizer::Slot& slot : optimizer->slots())
    for (size_t i = 0; i < parameters.size(); ++i)
      EXPECT_EQ(slot.slab[parameters[i].offset] != 0, parameters[i].trainable)
          << slot.name << " " << parameters[i].name;
}

TEST(AdamW, EqualsPlainLoopsInDouble) { expect_plain_loops(1, {}); }

TEST(AdamW, LowerLayersHaveSmallerRates) { expect_plain_loops(0.5, {}); }

TEST(AdamW, FrozenParametersAndTheirSlotsDoNotChange) {
  expect_plain_loops(0.75, {"patch_embed.*", "layers.0.blocks.*", "*.norm2.bias"});
}

// official_dense is the published rule of detection and segmentation, by names: biases decay.
TEST(AdamW, NoDecayChoosesTheParametersThatDecay) {
  layers::Model model(small_model(), 1, true);
  const layers::Parameters& parameters = model.parameters();
  OptimizerConfig config;
  config.weight_decay = 0.25;
  for (const bool dense : {false, true}) {
    config.no_decay = dense ? "official_dense" : "official";
    const std::vector<double> decays = weight_decays(parameters, config);
    ASSERT_EQ(decays.size(), parameters.size());
    const auto decay_of = [&](const std::string& name) {
      for (size_t i = 0; i < parameters.size(); ++i)
        if (parameters[i].name == name) return decays[i];
      return -1.0;
    };
    EXPECT_EQ(decay_of("layers.0.blocks.0.attn.qkv.weight"), 0.25);
    EXPECT_EQ(decay_of("layers.0.blocks.0.attn.qkv.bias"), dense ? 0.25 : 0);
    EXPECT_EQ(decay_of("head.bias"), dense ? 0.25 : 0);
    EXPECT_EQ(decay_of("layers.0.blocks.0.norm1.bias"), 0);
    EXPECT_EQ(decay_of("layers.0.blocks.0.attn.relative_position_bias_table"), 0);
    // The step uses it: without gradients, one step of rate 1 takes a quarter.
    layers::Model stepped(small_model(), 1, true);
    config.own.set("betas", {0.5, 0.5});
    config.own.set("eps", {1e-8});
    layers::Parameters& trained = stepped.parameters();
    std::fill_n(trained.gradient_slab(), trained.slab_numel(), 0.f);
    const auto all = trained.write(0, trained.slab_numel());
    std::fill_n(all, trained.slab_numel(), 1.f);
    make_optimizer(trained, config)->step(1, 1, 1);
    for (size_t i = 0; i < trained.size(); ++i)
      EXPECT_EQ(trained.slab()[trained[i].offset], 1 - static_cast<float>(decays[i]))
          << trained[i].name;
  }
}

/// torch.optim.SGD in plain loops: two steps with weight decay and clipping.
void expect_sgd(bool nesterov) {
  layers::Model model(small_model(), 1, true);
  layers::Parameters& parameters = model.parameters();
  OptimizerConfig config;
  config.name = "sgd";
  config.weight_decay = 0.1;
  config.own.set("momentum", {0.75});
  config.own.set("nesterov", {nesterov ? 1.0 : 0.0});
  const auto optimizer = make_optimizer(parameters, config);
  ASSERT_EQ(optimizer->slots().size(), 1u);
  EXPECT_EQ(optimizer->slots()[0].name, "momentum_buffer");
  for (const size_t i : {size_t{0}, parameters.size() - 1}) {  // a weight, which decays, and a bias
    const layers::ParameterEntry& entry = parameters[i];
    const double decay = entry.decay == layers::WeightDecay::yes ? 0.1 : 0;
    double w = parameters.slab()[entry.offset + 1], buffer = 0;
    for (int step = 1; step <= 2; ++step) {
      parameters.gradient_slab()[entry.offset + 1] = static_cast<float>(step);
      const double g = 0.5 * step + decay * w;
      buffer = 0.75 * buffer + g;
      w -= 0.01 * (nesterov ? g + 0.75 * buffer : buffer);
      optimizer->step(0.01, 0.5, step);
      EXPECT_NEAR(parameters.slab()[entry.offset + 1], w, 1e-7) << entry.name << step;
    }
    // Set the momentum back for the other parameter.
    std::fill_n(optimizer->slots()[0].slab, parameters.slab_numel(), 0.f);
  }
}

TEST(Sgd, EqualsPlainLoopsInDouble) {
  expect_sgd(true);
  expect_sgd(false);
}

TEST(Freeze, APatternThatMatchesNothingNamesTheNearestParameter) {
  layers::Model model(small_model(), 1, true);
  const auto refusal = [&](const std::vector<std::string>& patterns) -> std::string {
    try {
      freeze(model.parameters(), patterns);
    } catch (const base::UsageError& error) {
      return error.what();
    }
    return "";
  };
  EXPECT_EQ(
      refusal({"layers.0.*", "patch_embed.proj.wieght"}),
      "trainer.freeze: found \"patch_embed.proj.wieght\", expected a pattern that matches a "
      "parameter's name; the nearest is \"patch_embed.proj.weight\"; * stands for any characters");
  EXPECT_NE(refusal({"layer.0.*"}).find("the nearest is \"layers.0.*\""), std::string::npos);
  EXPECT_NE(refusal({"layers.0"}), "");  // matches no whole name
  EXPECT_NE(refusal({""}), "");
  EXPECT_NE(refusal({"*"}).find("expected some left to train"), std::string::npos);
}

TEST(AdamW, LeavesBiasesNormsTablesAndPositionsUndecayed) {
  const layers::Model model(small_model(), 1, true);
  int decaying = 0;
  for (size_t i = 0; i < model.parameters().size(); ++i) {
    const layers::ParameterEntry& entry = model.parameters()[i];
    const bool exempt = entry.shape.rank() == 1 || entry.name == "absolute_pos_embed" ||
                        entry.name.ends_with("relative_position_bias_table");
    EXPECT_EQ(entry.decay == layers::WeightDecay::no, exempt) << entry.name;
    decaying += !exempt;
  }
  EXPECT_EQ(decaying, 2 * 4 + 3);  // qkv, proj, fc1, fc2 per block; patches, reduction, head
}

}  // namespace
}  // namespace swin::trainers
