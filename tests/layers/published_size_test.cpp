// The published sizes with real memory: forward and backward, and a finite, non-zero gradient of
// every parameter.
#include <algorithm>

#include "autograd/ops/ops.h"
#include "autograd/tape/tape.h"
#include "base/pool.h"
#include "tests/layers/model_support.h"

namespace swin::layers {
namespace {

struct Size {
  const char* name;
  int64_t image, window, dim, third_depth;
};

class PublishedSize : public testing::TestWithParam<Size> {};

TEST_P(PublishedSize, ForwardAndBackward) {
  const Size& size = GetParam();
  ModelConfig config;
  config.image_size = {size.image, size.image};
  config.window_size = {size.window, size.window};
  config.embed_dim = size.dim;
  config.depths = {2, 2, size.third_depth, 2};
  const int64_t heads = size.dim / 32;
  config.num_heads = {heads, 2 * heads, 4 * heads, 8 * heads};
  config.num_classes = 1000;
  {
    Model model(config, 1, true);
    model.parameters().begin_step();
    const Tensor images = random_images(config, 1);
    Tensor target = Tensor::filled({1, 1000}, 0);
    target.mutable_data()[7] = 1;
    autograd::Tape tape;
    Tensor loss;
    {
      const autograd::Tape::Recording recording(tape);
      loss = autograd::cross_entropy(model.forward(images, Pass{}), target, 1);
    }
    EXPECT_NEAR(loss.data()[0], std::log(1000.0), 3);  // an untrained model
    tape.backward(loss);
    EXPECT_EQ(model.parameters().without_gradient(), "");
    for (size_t i = 0; i < model.parameters().size(); ++i) {
      const ParameterEntry& entry = model.parameters()[i];
      const real* gradient = model.parameters().gradient(i);
      EXPECT_TRUE(autograd::all_finite(gradient, entry.numel())) << entry.name;
      EXPECT_TRUE(std::any_of(gradient, gradient + entry.numel(), [](real g) { return g != 0; }))
          << entry.name;
    }
  }
  base::trim_pool();
}

INSTANTIATE_TEST_SUITE_P(
    All, PublishedSize,
    testing::Values(Size{"tiny_224", 224, 7, 96, 6}, Size{"small_224", 224, 7, 96, 18},
                    Size{"base_224", 224, 7, 128, 18}, Size{"large_224", 224, 7, 192, 18},
                    Size{"base_384", 384, 12, 128, 18}, Size{"large_384", 384, 12, 192, 18}),
    [](const auto& test) { return test.param.name; });

}  // namespace
}  // namespace swin::layers
