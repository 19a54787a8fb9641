// The norms of maps: names, modes, and what becomes of the running statistics.
#include "layers/dense/norm.h"

#include <gmock/gmock.h>

#include "autograd/tape/recompute.h"
#include "base/errors.h"
#include "base/pool.h"
#include "tests/layers/model_support.h"

namespace swin::layers {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
constexpr real kEpsilon = static_cast<real>(1e-5);

std::vector<std::string> names_of(const Slab& slab) {
  std::vector<std::string> names;
  for (size_t i = 0; i < slab.size(); ++i) names.push_back(slab[i].name);
  return names;
}

class NormTest : public LayersTest {
 protected:
  void build(Norm norm, int64_t channels = 6) {
    norm_ = MapNorm(Scope(parameters_) / "neck", channels, norm);
    parameters_.allocate(true);
    parameters_.initialize(1);
    randomize(parameters_);
  }
  Tensor parameter(const std::string& name) const { return parameters_.find(name)->tensor; }
  Tensor buffer(const std::string& name) const { return parameters_.buffers().find(name)->tensor; }
  /// By the running statistics.
  std::vector<real> by_buffers(const Tensor& x) const {
    return autograd::frozen_norm(x, parameter("neck.bn.weight"), parameter("neck.bn.bias"),
                                 buffer("neck.bn.running_mean"), buffer("neck.bn.running_var"),
                                 kEpsilon)
        .values();
  }
  void change_buffers() {
    real* data = parameters_.buffers().write(0, parameters_.buffers().slab_numel());
    for (int64_t i = 0; i < parameters_.buffers().slab_numel(); ++i)
      data[i] = static_cast<real>(i + 1) / 8;
  }
  Pass training() {
    Pass pass;
    pass.training = true;
    pass.buffer_updates = &updates_;
    return pass;
  }

  Parameters parameters_;
  MapNorm norm_;
  std::vector<BufferUpdate> updates_;
};

TEST_F(NormTest, HasThePublishedNames) {
  build(Norm::batch);
  EXPECT_THAT(names_of(parameters_), ElementsAre("neck.bn.weight", "neck.bn.bias"));
  EXPECT_THAT(names_of(parameters_.buffers()),
              ElementsAre("neck.bn.running_mean", "neck.bn.running_var"));
  for (size_t i = 0; i < parameters_.size(); ++i) {
    EXPECT_EQ(parameters_[i].shape, Shape{6});
    EXPECT_EQ(parameters_[i].decay, WeightDecay::no);
    EXPECT_TRUE(parameters_[i].trainable);
  }
  EXPECT_EQ(buffer("neck.bn.running_mean").values(), std::vector<real>(6, 0));
  EXPECT_EQ(buffer("neck.bn.running_var").values(), std::vector<real>(6, 1));
  Parameters of_group;
  const MapNorm group(Scope(of_group) / "neck", 6, Norm::group);
  EXPECT_THAT(names_of(of_group), ElementsAre("neck.gn.weight", "neck.gn.bias"));
  EXPECT_EQ(of_group.buffers().size(), 0u);
}

TEST_F(NormTest, TrainingGoesByTheBatchAndHandsItsStatisticsOver) {
  build(Norm::batch);
  change_buffers();
  const std::vector<real> mean = buffer("neck.bn.running_mean").values(),
                          var = buffer("neck.bn.running_var").values();
  const Tensor x = random_tensor({2, 3, 4, 6}, 1);
  autograd::BatchStatistics statistics;
  const Tensor want = autograd::batch_norm(x, parameter("neck.bn.weight"),
                                           parameter("neck.bn.bias"), kEpsilon, &statistics);
  EXPECT_EQ(norm_(x, training()).values(), want.values());
  EXPECT_EQ(buffer("neck.bn.running_mean").values(), mean);
  ASSERT_EQ(updates_.size(), 2u);
  parameters_.commit(updates_);
  for (size_t c = 0; c < 6; ++c) {
    const auto at = [c](const Tensor& t) { return static_cast<double>(t.data()[c]); };
    EXPECT_NEAR(at(buffer("neck.bn.running_mean")),
                0.9 * static_cast<double>(mean[c]) + 0.1 * at(statistics.mean), 5e-7);
    EXPECT_NEAR(at(buffer("neck.bn.running_var")),
                0.9 * static_cast<double>(var[c]) + 0.1 * at(statistics.variance), 5e-7);
  }
}

TEST_F(NormTest, EvaluationGoesByTheBuffersAndChangesNone) {
  build(Norm::batch);
  change_buffers();
  Pass pass = training();
  pass.training = false;
  const Tensor x = random_tensor({1, 1, 1, 6}, 1);  // one value will do
  EXPECT_EQ(norm_(x, pass).values(), by_buffers(x));
  EXPECT_TRUE(updates_.empty());
}

TEST_F(NormTest, FrozenGoesByTheBuffersInTraining) {
  build(Norm::frozen);
  change_buffers();
  EXPECT_THAT(names_of(parameters_), ElementsAre("neck.bn.weight", "neck.bn.bias"));
  const Tensor x = random_tensor({1, 1, 1, 6}, 1);
  autograd::Tape tape;
  {
    const autograd::Tape::Recording recording(tape);
    const Tensor y = norm_(x, training());
    EXPECT_EQ(y.values(), by_buffers(x));
    tape.backward(y, Tensor::filled(y.shape(), 1));
  }
  EXPECT_TRUE(updates_.empty());
  EXPECT_EQ(parameters_.without_gradient(), "");
}

TEST_F(NormTest, OneValueOfAChannelHasNoStatistics) {
  build(Norm::batch);
  const auto refusal = [&](const Tensor& x) -> std::string {
    try {
      norm_(x, training());
    } catch (const base::UsageError& error) {
      return error.what();
    }
    return "nothing was thrown";
  };
  const std::string text =
      "neck.bn: found one value of each channel, expected two or more to take statistics of; set "
      "task.head.norm to \"group\", or ";
  EXPECT_THAT(refusal(Tensor::filled({1, 1, 1, 6}, 1)), HasSubstr(text));
  EXPECT_EQ(refusal(Tensor::filled({1, 1, 2, 6}, 1)), "nothing was thrown");
  const base::DryRun dry;  // swin plan says so, too
  EXPECT_THAT(refusal(Tensor({1, 1, 1, 6})), HasSubstr(text));
}

TEST_F(NormTest, ASegmentThatRunsAgainHandsOverNothing) {
  build(Norm::batch);
  const Tensor x = random_tensor({2, 3, 1, 6}, 1), dy = random_tensor({2, 3, 1, 6}, 2);
  const auto gradients = [&](bool again) {
    updates_.clear();
    parameters_.begin_step();
    const Tensor leaf = x.as_leaf();
    const Pass pass = training();
    autograd::Tape tape;
    const autograd::Tape::Recording recording(tape);
    const auto segment = [this, leaf, pass] { return norm_(leaf, pass); };
    tape.backward(again ? autograd::recompute(segment) : segment(), dy);
    EXPECT_EQ(updates_.size(), 2u);
    std::vector<real> all(leaf.gradient().data(), leaf.gradient().data() + leaf.numel());
    all.insert(all.end(), parameters_.gradient_slab(),
               parameters_.gradient_slab() + parameters_.slab_numel());
    return all;
  };
  EXPECT_EQ(gradients(true), gradients(false));
}

TEST_F(NormTest, GroupsOfTheChannels) {
  EXPECT_EQ(GroupNorm::groups_of(512), 32);
  EXPECT_EQ(GroupNorm::groups_of(48), 16);
  EXPECT_EQ(GroupNorm::groups_of(6), 2);
  EXPECT_EQ(GroupNorm::groups_of(7), 1);
  build(Norm::group, 6);
  const Tensor x = random_tensor({2, 3, 2, 6}, 1);
  EXPECT_EQ(
      norm_(x, training()).values(),
      autograd::group_norm(x, parameter("neck.gn.weight"), parameter("neck.gn.bias"), 2, kEpsilon)
          .values());
  EXPECT_TRUE(updates_.empty());
}

TEST_F(NormTest, DropChannelsInTrainingAlone) {
  const DropChannels drop(Scope(parameters_) / "head", "dropout", 0.5);
  EXPECT_EQ(drop.stream(), Scope(parameters_, "head").stream("dropout"));
  const Tensor x = Tensor::filled({2, 2, 2, 40}, 1);
  EXPECT_EQ(drop(x, Pass{}).data(), x.data());
  const Pass pass = training();
  EXPECT_EQ(drop(x, pass).values(),
            autograd::drop_channels(x, real{0.5}, pass.draw(drop.stream())).values());
  EXPECT_NE(drop(x, pass).values(), x.values());
}

}  // namespace
}  // namespace swin::layers
