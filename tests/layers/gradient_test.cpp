// The gradient of whole micro models in the double build: every parameter against central
// differences of the loss.
#include <algorithm>
#include <functional>
#include <utility>

#include "autograd/ops/ops.h"
#include "autograd/tape/tape.h"
#include "layers/backbone.h"
#include "layers/simmim.h"
#include "tests/layers/model_support.h"

namespace swin::layers {
namespace {

static_assert(sizeof(real) == 8, "differences of a float loss prove nothing");

/// Parameters, a loss that depends on them, and its gradient by the tape.
class Proof {
 public:
  Proof(Parameters& parameters, std::function<Tensor()> loss)
      : parameters_(parameters), loss_tensor_(std::move(loss)) {
    parameters_.begin_step();
    autograd::Tape tape;
    Tensor value;
    {
      const autograd::Tape::Recording recording(tape);
      value = loss_tensor_();
    }
    loss_ = value.data()[0];
    tape.backward(value);
    EXPECT_EQ(parameters_.without_gradient(), "");
  }

  real loss() const { return loss_tensor_().data()[0]; }
  real recorded_loss() const { return loss_; }

  /// The derivative along `direction` by central differences.
  real difference(size_t i, const std::vector<real>& direction) {
    const real* before = parameters_[i].tensor.data();
    const std::vector<real> saved(before, before + direction.size());
    const auto at = [&](real step) {
      real* data = parameters_.mutable_data(i);  // each change has a version of its own
      for (size_t j = 0; j < direction.size(); ++j) data[j] = saved[j] + step * direction[j];
      return loss();
    };
    constexpr real kStep = 1e-5;
    const real slope = (at(kStep) - at(-kStep)) / (2 * kStep);
    std::copy(saved.begin(), saved.end(), parameters_.mutable_data(i));
    return slope;
  }

  /// Checks each parameter along a random direction and in `coordinates` random coordinates.
  void check(int64_t coordinates) {
    for (size_t i = 0; i < parameters_.size(); ++i) {
      const ParameterEntry& entry = parameters_[i];
      SCOPED_TRACE(entry.name);
      const auto numel = static_cast<size_t>(entry.numel());
      const real* gradient = parameters_.gradient(i);
      const base::Random random(77, entry.name);
      std::vector<real> direction(numel);
      real expected = 0, norm = 0;
      for (size_t j = 0; j < numel; ++j)
        direction[j] = static_cast<real>(random.normal(j)), norm += direction[j] * direction[j];
      for (size_t j = 0; j < numel; ++j)
        direction[j] /= std::sqrt(norm), expected += direction[j] * gradient[j];
      real largest = 0;
      for (size_t j = 0; j < numel; ++j) largest = std::max(largest, std::abs(gradient[j]));
      EXPECT_GT(largest, 0);
      const real tolerance = 2e-7 * largest + 2e-9;
      EXPECT_NEAR(difference(i, direction), expected, tolerance);
      for (int64_t k = 0; k < std::min<int64_t>(coordinates, entry.numel()); ++k) {
        const size_t j =
            coordinates >= entry.numel()
                ? static_cast<size_t>(k)
                : random.below(1u << 20 | static_cast<uint32_t>(k), static_cast<uint32_t>(numel));
        std::vector<real> axis(numel);
        axis[j] = 1;
        EXPECT_NEAR(difference(i, axis), gradient[j], tolerance) << "element " << j;
      }
    }
  }

 private:
  Parameters& parameters_;
  std::function<Tensor()> loss_tensor_;
  real loss_ = 0;
};

const Pass kTraining{true, 6, 2, 0};

/// The cross-entropy of a classifier: two images, each with a distribution as target.
class ClassifierProof {
 public:
  explicit ClassifierProof(const ModelConfig& config)
      : model_(random_model(config, true)),
        proof_(model_.parameters(),
               [this, images = random_images(config, 2),
                target = autograd::softmax(random_tensor({2, config.num_classes}, 21))] {
                 return autograd::cross_entropy(model_.forward(images, kTraining), target,
                                                real{1} / 2);
               }) {}
  Proof* operator->() { return &proof_; }

 private:
  Model model_;
  Proof proof_;
};

/// Σ y · w with random w, a loss for any tensor.
Tensor weighted_sum(const Tensor& y, uint64_t seed) {
  const Tensor row = autograd::reshape(y, {1, y.numel()});
  return autograd::reshape(autograd::linear(row, random_tensor({1, y.numel()}, seed), Tensor()),
                           Shape{1});
}

ModelConfig with_every_option() {
  ModelConfig config = micro_config();
  config.ape = true;
  config.qk_scale = 0.7;
  config.drop_rate = 0.1;
  config.attn_drop_rate = 0.1;
  config.drop_path_rate = 0.3;
  return config;
}

class MicroSwin : public oracle::EngineTest {
 protected:
  MicroSwin() {
    base::set_num_threads(1);
  }  // thousands of forward passes too small for several threads
};

TEST_F(MicroSwin, TwentyCoordinatesOfEveryParameterWithEveryOption) {
  ClassifierProof proof(with_every_option());
  EXPECT_EQ(proof->recorded_loss(), proof->loss()) << "recording changed the forward";
  proof->check(20);
}

TEST_F(MicroSwin, RollThenPadOfAnImageThatNoPatchDivides) {
  ModelConfig config = with_every_option();
  config.pad_mode = PadMode::roll_then_pad;
  config.image_size = {19, 26};
  ClassifierProof(config)->check(1);
}

TEST_F(MicroSwin, MaskedWithoutBiasAndPatchNorm) {
  ModelConfig config = with_every_option();
  config.pad_mode = PadMode::masked;
  config.qkv_bias = config.patch_norm = config.ape = false;
  config.in_chans = 1;
  ClassifierProof(config)->check(1);
}

TEST_F(MicroSwin, WindowsThatShrinkAndFit) {
  ModelConfig config = micro_config();
  config.image_size = {32, 32};  // 8 × 8 tokens in windows of 4 × 4, then one smaller window
  config.window_size = {4, 4};
  config.depths = {2, 1, 1};
  config.num_heads = {2, 2, 2};
  config.window_shrink = WindowShrink::official;
  config.pad_mode = PadMode::reject;
  ClassifierProof(config)->check(1);
}

TEST_F(MicroSwin, V2) {
  ModelConfig config = with_every_option();
  config.name = "swin_v2";
  config.qk_scale.reset();
  config.pretrained_window_sizes = {4, 0};
  ClassifierProof(config)->check(3);
}

TEST_F(MicroSwin, V2WithoutBiasDownToOneToken) {
  ModelConfig config = with_every_option();
  config.name = "swin_v2";
  config.qk_scale.reset();
  config.qkv_bias = config.ape = false;
  config.image_size = {16, 16};  // 4 × 4, 2 × 2 and 1 × 1 tokens
  config.depths = {2, 1, 1};
  config.num_heads = {2, 2, 4};
  config.window_size = {4, 4};
  config.window_shrink = WindowShrink::official;
  // The softmax of one token is 1: the parameters of its scores have a gradient of zero.
  Model model = random_model(config, true);
  model.parameters().begin_step();
  autograd::Tape tape;
  Tensor logits;
  {
    const autograd::Tape::Recording recording(tape);
    logits = model.forward(random_images(config, 2), kTraining);
  }
  tape.backward(logits, random_tensor(logits.shape(), 8));
  EXPECT_EQ(model.parameters().without_gradient(), "");
  for (size_t i = 0; i < model.parameters().size(); ++i) {
    const real* gradient = model.parameters().gradient(i);
    EXPECT_TRUE(autograd::all_finite(gradient, model.parameters()[i].numel()))
        << model.parameters()[i].name;
  }
}

TEST_F(MicroSwin, MlpShiftedAndPadded) {
  ModelConfig config = micro_config();
  config.name = "swin_mlp";
  config.drop_rate = 0.1;
  config.drop_path_rate = 0.3;
  ClassifierProof(config)->check(3);
}

TEST_F(MicroSwin, WindowsAndRatiosOfEachStage) {
  ModelConfig config = micro_config();
  config.window_sizes = {{2, 3}, {3, 2}};
  config.mlp_ratios = {1.5, 3};
  ClassifierProof(config)->check(1);
}

ModelConfig micro_vit() {
  ModelConfig config;
  config.name = "vit";
  config.image_size = {19, 26};
  config.patch_size = 6;
  config.embed_dim = 12;
  config.depths = {2};
  config.num_heads = {3};
  config.mlp_ratio = 2;
  config.drop_rate = config.attn_drop_rate = 0.1;
  config.drop_path_rate = 0.3;
  config.num_classes = 5;
  return config;
}

TEST_F(MicroSwin, VisionTransformerWithClassToken) { ClassifierProof(micro_vit())->check(3); }

TEST_F(MicroSwin, VisionTransformerOfTheMean) {
  ModelConfig config = micro_vit();
  config.global_pool = "avg";
  config.qkv_bias = false;
  ClassifierProof(config)->check(1);
}

TEST_F(MicroSwin, MaskedImageModelOfHiddenTokens) {
  ModelConfig config = micro_config();
  config.ape = true;
  config.in_chans = 2;
  Parameters parameters;
  const MaskedImageModel model(Scope(parameters), config);
  parameters.allocate(true);
  randomize(parameters);
  const Tensor images = random_images(config, 2);
  Tensor mask = Tensor::filled({2, 5, 7}, 0);
  for (int64_t i = 0; i < mask.numel(); i += 3) mask.mutable_data()[i] = 1;
  Proof(parameters, [&] { return weighted_sum(model(images, mask, kTraining), 9); }).check(2);
}

TEST_F(MicroSwin, BackboneOfTwoOutputs) {
  ModelConfig config = micro_config();
  config.drop_path_rate = 0.3;
  Parameters parameters;
  const Backbone backbone(Scope(parameters), config, {{0, 1}, -1});
  parameters.allocate(true);
  randomize(parameters);
  const Tensor images = random_images(config, 2);
  Proof(parameters, [&] {
    const std::vector<Tensor> maps = backbone(images, kTraining);
    return autograd::add(weighted_sum(maps[0], 9), weighted_sum(maps[1], 10));
  }).check(2);
}

}  // namespace
}  // namespace swin::layers
