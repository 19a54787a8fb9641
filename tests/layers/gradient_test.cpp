// The gradient of a whole micro Swin, in the double build: every parameter against differences of
// the loss.
#include "autograd/ops/ops.h"
#include "autograd/tape/tape.h"
#include "tests/layers/model_support.h"

namespace swin::layers {
namespace {

static_assert(sizeof(real) == 8, "differences of a float loss prove nothing");

class Proof {
 public:
  explicit Proof(const ModelConfig& config)
      : model_(random_model(config, true)),
        images_(random_images(config, 2)),
        target_(Shape{2, config.num_classes}) {
    // A distribution a row.
    const Tensor noise = random_tensor(target_.shape(), 21);
    target_ = autograd::softmax(noise);
    model_.parameters().begin_update();
    autograd::Tape tape;
    Tensor value;
    {
      const autograd::Tape::Recording recording(tape);
      value = loss_tensor();
    }
    loss_ = value.data()[0];
    tape.backward(value);
    EXPECT_EQ(model_.parameters().without_gradient(), "");
  }

  Parameters& parameters() { return model_.parameters(); }
  real loss() const { return loss_tensor().data()[0]; }
  real recorded_loss() const { return loss_; }

  /// The derivative along `direction`, by central differences.
  real difference(size_t i, const std::vector<real>& direction) {
    real* data = parameters().mutable_data(i);
    const std::vector<real> saved(data, data + direction.size());
    const auto at = [&](real step) {
      for (size_t j = 0; j < direction.size(); ++j) data[j] = saved[j] + step * direction[j];
      return loss();
    };
    constexpr real kStep = 1e-5;
    const real slope = (at(kStep) - at(-kStep)) / (2 * kStep);
    std::copy(saved.begin(), saved.end(), data);
    return slope;
  }

  /// Every parameter: a random direction, and `coordinates` of its numbers.
  void check(int64_t coordinates) {
    for (size_t i = 0; i < parameters().size(); ++i) {
      const ParameterEntry& entry = parameters()[i];
      SCOPED_TRACE(entry.name);
      const auto numel = static_cast<size_t>(entry.numel());
      const real* gradient = parameters().gradient(i);
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
        EXPECT_NEAR(difference(i, axis), gradient[j], tolerance) << "number " << j;
      }
    }
  }

 private:
  Tensor loss_tensor() const {
    return autograd::cross_entropy(model_.forward(images_, Pass{true, 6, 2, 0}), target_,
                                   real{1} / 2);
  }
  Model model_;
  Tensor images_, target_;
  real loss_ = 0;
};

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
  MicroSwin() { base::set_num_threads(1); }  // thousands of forwards too small to share
};

TEST_F(MicroSwin, TwentyCoordinatesOfEveryParameterWithEveryOption) {
  Proof proof(with_every_option());
  EXPECT_EQ(proof.recorded_loss(), proof.loss()) << "recording changed the forward";
  proof.check(20);
}

TEST_F(MicroSwin, RollThenPadOfAPictureThatNoPatchDivides) {
  ModelConfig config = with_every_option();
  config.pad_mode = PadMode::roll_then_pad;
  config.image_size = {19, 26};
  Proof(config).check(1);
}

TEST_F(MicroSwin, MaskedWithoutBiasAndPatchNorm) {
  ModelConfig config = with_every_option();
  config.pad_mode = PadMode::masked;
  config.qkv_bias = config.patch_norm = config.ape = false;
  config.in_chans = 1;
  Proof(config).check(1);
}

TEST_F(MicroSwin, WindowsThatShrinkAndFit) {
  ModelConfig config = micro_config();
  config.image_size = {32, 32};  // 8 × 8 tokens under 4 × 4 windows, then one window that shrank
  config.window_size = {4, 4};
  config.depths = {2, 1, 1};
  config.num_heads = {2, 2, 2};
  config.window_shrink = WindowShrink::official;
  config.pad_mode = PadMode::reject;
  Proof(config).check(1);
}

}  // namespace
}  // namespace swin::layers
