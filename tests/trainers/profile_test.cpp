// What a profile counts, and the roofline's share. Nothing here depends on how long anything took.
#include "trainers/run/profile.h"

#include <gtest/gtest.h>

#include <cmath>
#include <map>
#include <set>

#include "tests/trainers/run_support.h"
#include "trainers/run/kernel_benchmark.h"
#include "trainers/run/roofline.h"

namespace swin::trainers {
namespace {

using testing::micro_config;

Profile profile_of(BenchmarkMode mode) {
  BenchmarkStep step(micro_config({"model.num_classes=10"}), mode, 2);
  return profile(step, 0);
}

std::map<std::string, ProfileRow> by_name(const std::vector<ProfileRow>& rows) {
  std::map<std::string, ProfileRow> named;
  for (const ProfileRow& row : rows) named[row.op + row.shapes] = row;
  EXPECT_EQ(named.size(), rows.size());
  return named;
}

TEST(Profile, CountsCallsArithmeticAndBytes) {
  const Profile profile = profile_of(BenchmarkMode::train);
  const auto ops = by_name(profile.by_op);
  EXPECT_EQ(ops.at("window_attention").calls, 3);
  EXPECT_EQ(ops.at("window_attention").backward_calls, 3);
  for (const auto& [name, row] : ops) {
    EXPECT_EQ(row.forward.flops, 2 * row.macs) << name;
    // The images need no gradient.
    EXPECT_EQ(row.backward.flops, (name == "patch_embed" ? 2 : 4) * row.macs) << name;
    EXPECT_EQ(row.backward_calls, row.calls) << name;
  }
  const auto shapes = by_name(profile.by_shapes);
  // fc1 of the first stage: x (2, 8, 8, 8), weight, bias and y; twice.
  const ProfileRow& fc1 = shapes.at("linear(2, 8, 8, 8) (16, 8) (16) → (2, 8, 8, 16)");
  EXPECT_EQ(fc1.tensors,
            (std::vector<autograd::Shape>{{2, 8, 8, 8}, {16, 8}, {16}, {2, 8, 8, 16}}));
  EXPECT_EQ(fc1.calls, 2);
  EXPECT_EQ(fc1.macs, 2 * 2 * 64 * 8 * 16);
  EXPECT_EQ(fc1.forward.bytes, 2 * static_cast<int64_t>(sizeof(real)) * (1024 + 128 + 16 + 2048));
  // dy, the inputs and their gradients
  EXPECT_EQ(fc1.backward.bytes,
            2 * static_cast<int64_t>(sizeof(real)) * (2048 + 2 * (1024 + 128 + 16)));
  int64_t calls = 0, macs = 0;
  for (const ProfileRow& row : profile.by_op) calls += row.calls, macs += row.macs;
  for (const ProfileRow& row : profile.by_shapes) calls -= row.calls, macs -= row.macs;
  EXPECT_EQ(calls, 0);
  EXPECT_EQ(macs, 0);
}

// Without dropout a half of a block is one op.
TEST(Profile, CountsTheHalvesOfBlocks) {
  BenchmarkStep step(micro_config({"model.num_classes=10", "model.drop_rate=0",
                                   "model.attn_drop_rate=0", "model.drop_path_rate=0"}),
                     BenchmarkMode::train, 2);
  const Profile profile = trainers::profile(step, 0);
  const auto ops = by_name(profile.by_op);
  EXPECT_EQ(ops.at("attention_residual").calls, 3);
  EXPECT_EQ(ops.at("mlp_residual").calls, 3);
  EXPECT_FALSE(ops.contains("window_attention"));
  const ProfileRow mlp = by_name(profile.by_shapes)
                             .at("mlp_residual(2, 8, 8, 8) (8) (8) (16, 8) (16) (8, 16) (8) → "
                                 "(2, 8, 8, 8)");
  constexpr int64_t kParameters = 8 + 8 + 128 + 16 + 128 + 8, kRows = 2 * 8 * 8;
  EXPECT_EQ(mlp.calls, 2);
  EXPECT_EQ(mlp.macs, 2 * kRows * (8 + 2 * 128));
  EXPECT_EQ(mlp.forward.bytes,
            2 * static_cast<int64_t>(sizeof(real)) * (2 * kRows * 8 + kParameters));
  EXPECT_EQ(mlp.backward.flops, 4 * mlp.macs);
}

TEST(Profile, TheTypicalStepHasEachCallWithItsPath) {
  const Profile profile = profile_of(BenchmarkMode::train);
  std::set<std::string> paths;
  double seconds = 0, end = 0;
  for (const OpCall& call : profile.typical.calls) {
    ASSERT_TRUE(call.backward) << call.op;
    EXPECT_GE(call.forward_start, end);  // one after the other
    end = call.forward_start;
    EXPECT_GE(call.backward_start, call.forward_start);
    seconds += call.forward.seconds + call.backward->seconds;
    if (call.op == "window_attention") paths.insert(call.path);
  }
  EXPECT_EQ(paths, (std::set<std::string>{"layers.0.blocks.0.attn", "layers.0.blocks.1.attn",
                                          "layers.1.blocks.0.attn"}));
  EXPECT_LE(seconds, profile.typical.seconds);
  EXPECT_EQ(profile.step_seconds, profile.typical.seconds);
}

TEST(Profile, InferenceHasNoBackward) {
  const Profile profile = profile_of(BenchmarkMode::infer);
  EXPECT_FALSE(profile.by_op.empty());
  for (const ProfileRow& row : profile.by_op) {
    EXPECT_EQ(row.backward_calls, 0);
    EXPECT_EQ(row.backward.seconds, 0);
  }
}

TEST(Roofline, IsTheLowerOfArithmeticAndMemory) {
  const Roofline roofline{100, 10, 0};                            // 10 flops a byte
  EXPECT_DOUBLE_EQ(roofline.share({1, 50'000'000'000, 1}), 0.5);  // arithmetic
  EXPECT_DOUBLE_EQ(roofline.share({1, 1, 2'000'000'000}), 0.2);   // memory
  EXPECT_DOUBLE_EQ(roofline.share({2, 8'000'000'000, 4'000'000'000}), 0.2);
  EXPECT_EQ(roofline.share({1, 0, 0}), 0);
  EXPECT_EQ(roofline.share({0, 1, 1}), 0);
}

TEST(KernelBenchmark, MeasuresConvolutionsBesideLinearLayers) {
  for (const autograd::ConvOptions options : {autograd::ConvOptions{1, 1}, {2, 0}}) {
    const BesideLinear rates = measure_beside_linear({1, 5, 4, 3}, {7, 3, 3, 3}, options, 0);
    for (const double rate : {rates.forward, rates.dx, rates.dweight}) {
      EXPECT_GT(rate, 0);
      EXPECT_TRUE(std::isfinite(rate));
    }
  }
}

}  // namespace
}  // namespace swin::trainers
