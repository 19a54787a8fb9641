// Convolutions of heads: names, initial values, the order of convolution, norm and ReLU.
#include "layers/dense/conv_norm.h"

#include <gmock/gmock.h>

#include "tests/layers/model_support.h"

namespace swin::layers {
namespace {

using testing::ElementsAre;

class ConvNormTest : public LayersTest {
 protected:
  void allocate() {
    parameters_.allocate(true);
    parameters_.initialize(1);
  }
  Tensor parameter(const std::string& name) const { return parameters_.find(name)->tensor; }
  std::vector<std::string> names() const {
    std::vector<std::string> names;
    for (size_t i = 0; i < parameters_.size(); ++i) names.push_back(parameters_[i].name);
    return names;
  }
  Parameters parameters_;
};

TEST_F(ConvNormTest, ConvolutionNormAndReLU) {
  const ConvNorm layer(Scope(parameters_) / "bottleneck", 5, 8, 3, Norm::batch);
  allocate();
  EXPECT_THAT(names(),
              ElementsAre("bottleneck.conv.weight", "bottleneck.bn.weight", "bottleneck.bn.bias"));
  EXPECT_EQ(parameters_[0].decay, WeightDecay::yes);
  const Tensor x = random_tensor({2, 4, 3, 5}, 1);
  Pass pass;
  pass.training = true;
  const Tensor convolved = autograd::conv2d(x, parameter("bottleneck.conv.weight"), {}, {1, 1});
  const Tensor normal =
      autograd::batch_norm(convolved, parameter("bottleneck.bn.weight"),
                           parameter("bottleneck.bn.bias"), static_cast<real>(1e-5), nullptr);
  const Tensor y = layer(x, pass);
  EXPECT_EQ(y.shape(), (Shape{2, 4, 3, 8}));
  EXPECT_EQ(y.values(), autograd::relu(normal).values());
  EXPECT_NE(layer(x, Pass{}).values(), y.values());  // by the running statistics
}

TEST_F(ConvNormTest, GroupNormAndKernelsOfOne) {
  const ConvNorm layer(Scope(parameters_) / "lateral_convs" / 0, 5, 8, 1, Norm::group);
  allocate();
  EXPECT_THAT(names(), ElementsAre("lateral_convs.0.conv.weight", "lateral_convs.0.gn.weight",
                                   "lateral_convs.0.gn.bias"));
  EXPECT_EQ(layer(random_tensor({2, 4, 3, 5}, 1), Pass{}).shape(), (Shape{2, 4, 3, 8}));
}

TEST_F(ConvNormTest, ConvolutionsKeepTheSizeOfTheMapOrDivideIt) {
  const Scope scope(parameters_);
  const Conv2d same(scope / "same", 2, 3, 3, true, Initializer::normal(1)),
      half(scope / "half", 2, 3, 3, false, Initializer::normal(1), 2);
  allocate();
  EXPECT_THAT(names(), ElementsAre("same.weight", "same.bias", "half.weight"));
  const Tensor x = random_tensor({1, 5, 4, 2}, 1);
  EXPECT_EQ(same(x).shape(), (Shape{1, 5, 4, 3}));
  EXPECT_EQ(half(x).shape(), (Shape{1, 3, 2, 3}));
}

// By which a ReLU keeps the size of gradients: √(2 / (out · kernel²)).
TEST_F(ConvNormTest, InitialWeights) {
  const ConvNorm layer(Scope(parameters_) / "conv", 64, 32, 3, Norm::frozen);
  allocate();
  const std::vector<real> weight = parameter("conv.conv.weight").values();
  double squares = 0;
  for (const real w : weight) squares += static_cast<double>(w) * static_cast<double>(w);
  EXPECT_NEAR(squares / static_cast<double>(weight.size()), 2.0 / (32 * 9), 2e-4);
}

}  // namespace
}  // namespace swin::layers
