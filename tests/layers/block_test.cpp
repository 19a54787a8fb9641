// The block that all architectures share, and whole models in plain ops.
#include "layers/block.h"

#include <map>

#include "autograd/tape/op.h"
#include "autograd/tape/tape.h"
#include "tests/layers/model_support.h"

namespace swin::layers {
namespace {

// Squares every element: a layer that does not commute with a norm.
class Square : public TokenLayer {
 public:
  Tensor operator()(const Tensor& x, const Pass&) const override {
    return autograd::multiply(x, x);
  }
};

TEST_F(LayersTest, AResidualHalfHasItsNormBeforeOrAfterItsLayer) {
  const Tensor x = random_tensor({2, 3, 4}, 1);
  for (const auto position : {ResidualHalf::Norm::before, ResidualHalf::Norm::after}) {
    Parameters parameters;
    const Scope scope(parameters);
    const LayerNorm norm(scope / "norm", 4);
    const ResidualHalf half(norm, std::make_unique<Square>(), DropPath(scope, "drop_path", 0.5),
                            position);
    parameters.allocate(false);
    randomize(parameters);
    const Tensor normed = norm(x), before = autograd::multiply(normed, normed),
                 after = norm(autograd::multiply(x, x));
    const Tensor& inner = position == ResidualHalf::Norm::before ? before : after;
    EXPECT_EQ(half(x, {}).values(), autograd::add(x, inner).values());
    Pass training;
    training.training = true;
    // The step in which the first sample is dropped and the second is not.
    const auto kept = [&](int64_t sample) {
      return half(x, training).values()[static_cast<size_t>(12 * sample)] != x.data()[12 * sample];
    };
    while (kept(0) || !kept(1)) ++training.step;
    const std::vector<real> y = half(x, training).values();
    for (int64_t i = 12; i < 24; ++i)
      EXPECT_EQ(y[static_cast<size_t>(i)], x.data()[i] + 2 * inner.data()[i]);
    const autograd::PlainOps plain_ops;
    EXPECT_EQ(half(x, training).values(), y);
  }
}

struct Outcome {
  std::vector<real> logits, gradients;
  int64_t macs = 0;  // of the forward
};

class CountMacs : public autograd::ForwardObserver {
 public:
  void op_done(const autograd::OpDone& done) override { macs += done.macs; }
  int64_t macs = 0;
};

// A forward and backward pass over gradients of NaN, which all must be overwritten.
Outcome outcome_of(const ModelConfig& config, int64_t batch = 3, uint64_t step = 0) {
  Model model = random_model(config, true);
  Parameters& parameters = model.parameters();
  std::fill_n(parameters.gradient_slab(), parameters.slab_numel(), NAN);
  Pass pass;
  pass.training = true;
  pass.step = step;
  parameters.begin_step();
  autograd::Tape tape;
  const autograd::Tape::Recording recording(tape);
  const CountMacs count;
  const Tensor logits = model.forward(random_images(config, batch), pass);
  tape.backward(logits, random_tensor(logits.shape(), 8));
  EXPECT_EQ(parameters.without_gradient(), "");
  Outcome outcome{logits.values(), {}, count.macs};
  for (size_t i = 0; i < parameters.size(); ++i) {
    const real* gradient = parameters.gradient(i);
    outcome.gradients.insert(outcome.gradients.end(), gradient, gradient + parameters[i].numel());
  }
  return outcome;
}

constexpr const char* kArchitectures[] = {"swin", "swin_v2", "swin_mlp", "vit"};

ModelConfig config_of(const std::string& name) {
  ModelConfig config = micro_config();
  config.name = name;
  config.attn_drop_rate = 0.25;
  if (config.name == "vit") {
    config.depths = {2};
    config.num_heads = {2};
  }
  return config;
}

// Shifted windows, every way to pad, attention dropout: fused or in plain ops, a model is the same.
TEST_F(LayersTest, ModelsInPlainOpsAreTheSame) {
  for (const char* name : kArchitectures)
    for (const PadMode mode : {PadMode::pad_then_roll, PadMode::roll_then_pad, PadMode::masked}) {
      SCOPED_TRACE(testing::Message() << name << " " << static_cast<int>(mode));
      ModelConfig config = config_of(name);
      config.pad_mode = mode;
      const Outcome fused = outcome_of(config);
      const autograd::PlainOps plain_ops;
      const Outcome plain = outcome_of(config);
      EXPECT_LT(distance(plain.logits, fused.logits), 2 * kExact);
      EXPECT_LT(distance(plain.gradients, fused.gradients), 5 * kExact);
      if (config.name != "swin_mlp") {
        EXPECT_NE(plain.logits, fused.logits);
      }
    }
}

// Plain ops compute what they drop. The draws of dropout are those of the whole batch, and where
// all samples of a half are dropped, its parameters get gradients of zero.
TEST_F(LayersTest, DroppedSamplesAreNotComputed) {
  for (const char* name : kArchitectures)
    for (const int64_t batch : {1, 6}) {
      ModelConfig config = config_of(name);
      config.drop_rate = 0.2;
      config.drop_path_rate = 0.6;
      int64_t macs = 0, macs_of_all = 0;
      for (uint64_t step = 0; step < 4; ++step) {
        SCOPED_TRACE(testing::Message() << name << " " << batch << " step " << step);
        const Outcome skipped = outcome_of(config, batch, step);
        for (const int threads : {2, 3}) {
          base::set_num_threads(threads);
          const Outcome again = outcome_of(config, batch, step);
          EXPECT_EQ(again.logits, skipped.logits);
          EXPECT_EQ(again.gradients, skipped.gradients);
        }
        base::set_num_threads(1);
        const autograd::PlainOps plain_ops;
        const Outcome all = outcome_of(config, batch, step);
        EXPECT_LT(distance(skipped.logits, all.logits), 2 * kExact);
        EXPECT_LT(distance(skipped.gradients, all.gradients), 5 * kExact);
        macs += skipped.macs;
        macs_of_all += all.macs;
      }
      EXPECT_LT(static_cast<double>(macs), 0.9 * static_cast<double>(macs_of_all));
    }
}

class CountOps : public autograd::ForwardObserver {
 public:
  void op_done(const autograd::OpDone& done) override {
    ++calls[autograd::NamedScope::path_of(done.path, done.op)];
  }
  std::map<std::string, int64_t> calls;
};

int64_t count_of(const std::map<std::string, int64_t>& calls, const std::string& name) {
  int64_t count = 0;
  for (const auto& [path, times] : calls) count += path.ends_with(name) ? times : 0;
  return count;
}

// Where windows divide the map and nothing is dropped inside. They equal plain ops.
TEST_F(LayersTest, HalvesOfBlocksAreOneOp) {
  for (const char* name : kArchitectures) {
    SCOPED_TRACE(name);
    ModelConfig config = config_of(name);
    config.image_size = {16, 24};
    config.drop_path_rate = 0.6;
    const int64_t blocks = config.name == "vit" ? 2 : 4;
    const auto calls = [&](double drop_rate, bool training) {
      ModelConfig dropping = config;
      dropping.drop_rate = drop_rate;
      const Model model = random_model(dropping);
      CountOps ops;
      model.forward(random_images(config, 6), Pass{training, 1, 2, 0});
      return ops.calls;
    };
    const std::map<std::string, int64_t> fused = calls(0, true);
    EXPECT_EQ(count_of(fused, ".mlp/mlp_residual"), blocks);
    EXPECT_EQ(count_of(fused, ".attn/attention_residual"), config.name == "swin" ? blocks : 0);
    EXPECT_EQ(count_of(fused, "/gelu"), 0);
    EXPECT_EQ(calls(0.2, false), calls(0, false));
    EXPECT_EQ(count_of(calls(0.2, true), "_residual"), 0);
    {
      const autograd::OpByOp op_by_op;
      const std::map<std::string, int64_t> ops = calls(0, true);
      EXPECT_EQ(count_of(ops, "_residual"), 0);
      EXPECT_EQ(count_of(ops, ".mlp/gelu"), blocks);
      EXPECT_EQ(count_of(ops, ".attn/window_attention"),
                config.name == "swin" || config.name == "swin_v2" ? blocks : 0);
    }
    for (const uint64_t step : {0, 1}) {
      const Outcome halves = outcome_of(config, 6, step);
      const autograd::PlainOps plain_ops;
      const Outcome plain = outcome_of(config, 6, step);
      EXPECT_LT(distance(halves.logits, plain.logits), 2 * kExact);
      EXPECT_LT(distance(halves.gradients, plain.gradients), 5 * kExact);
      EXPECT_LT(halves.macs, plain.macs);
    }
  }
}

// A plan counts the dense model.
TEST_F(LayersTest, ADryRunDropsNothing) {
  const auto macs = [](double rate) {
    const base::DryRun dry;
    ModelConfig config = config_of("swin");
    config.drop_path_rate = rate;
    const Model model(config, 1, true);
    const CountMacs count;
    model.forward(random_images(config, 6), Pass{true, 1, 2, 0});
    return count.macs;
  };
  EXPECT_EQ(macs(0.9), macs(0));
}

}  // namespace
}  // namespace swin::layers
