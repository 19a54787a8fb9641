// The block that all architectures share, and whole models in plain ops.
#include "layers/block.h"

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
  }
}

struct Outcome {
  std::vector<real> logits, gradients;
};

Outcome outcome_of(const ModelConfig& config) {
  Model model = random_model(config, true);
  Pass pass;
  pass.training = true;
  model.parameters().begin_step();
  autograd::Tape tape;
  const autograd::Tape::Recording recording(tape);
  const Tensor logits = model.forward(random_images(config, 3), pass);
  tape.backward(logits, random_tensor(logits.shape(), 8));
  Outcome outcome{logits.values(), {}};
  for (size_t i = 0; i < model.parameters().size(); ++i) {
    const real* gradient = model.parameters().gradient(i);
    outcome.gradients.insert(outcome.gradients.end(), gradient,
                             gradient + model.parameters()[i].numel());
  }
  return outcome;
}

// Shifted windows, every way to pad, attention dropout: fused or in plain ops, a model is the same.
TEST_F(LayersTest, ModelsInPlainOpsAreTheSame) {
  for (const char* name : {"swin", "swin_v2", "swin_mlp", "vit"})
    for (const PadMode mode : {PadMode::pad_then_roll, PadMode::roll_then_pad, PadMode::masked}) {
      SCOPED_TRACE(testing::Message() << name << " " << static_cast<int>(mode));
      ModelConfig config = micro_config();
      config.name = name;
      config.pad_mode = mode;
      config.attn_drop_rate = 0.25;
      if (config.name == "vit") {
        config.depths = {2};
        config.num_heads = {2};
      }
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

}  // namespace
}  // namespace swin::layers
