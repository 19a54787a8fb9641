// A checkpoint holds parameters, buffers and optimizer slots; all of them come back through the one
// loader of slabs.
#include "trainers/run/train_state.h"

#include <gmock/gmock.h>

#include "autograd/ops/ops.h"
#include "base/errors.h"
#include "tests/support/temporary_directory.h"
#include "trainers/run/step.h"

namespace swin::trainers {
namespace {

using autograd::Tensor;
using layers::Initializer;
using layers::Scope;
using testing::HasSubstr;

/// A task with one linear layer and a buffer, whose forward hands over 1 + the slice's first image.
class Net : public tasks::Task {
 public:
  explicit Net(uint64_t seed, bool with_buffer = true, int64_t dim = 5) {
    const Scope scope(parameters_);
    fc = (scope / "fc").parameter("weight", {dim, 3}, Initializer::normal(1));
    if (with_buffer) mean = (scope / "norm").buffer("running_mean", {dim}, Initializer::uniform(1));
    bias = (scope / "fc").parameter("bias", {dim}, Initializer::normal(1));
    parameters_.allocate(true);
    parameters_.initialize(seed);
    optimizer = make_optimizer(parameters_, OptimizerConfig{});
    for (const Optimizer::Slot& slot : optimizer->slots())
      for (size_t i = 0; i < parameters_.size(); ++i)
        slot.slab[parameters_[i].offset + 1] =
            static_cast<float>(seed + i + static_cast<size_t>(slot.name.size()));
  }
  const layers::ModelConfig& model_config() const override { return config_; }
  layers::Parameters& parameters() override { return parameters_; }
  tasks::Losses loss(const tasks::Slice& slice, const layers::Pass& pass,
                     const tasks::Count&) const override {
    const auto of_slice = static_cast<real>(slice.begin + 1);
    pass.update(mean, Tensor::filled({5}, of_slice), real{0.5});
    const Tensor y = autograd::linear(Tensor::filled({1, 3}, 1), fc.tensor(), bias.tensor());
    return {{"loss", autograd::linear(y, Tensor::filled({1, 5}, 1), {})}};
  }
  tasks::Outputs outputs(const Tensor&, tasks::Detail, std::span<const int64_t>) const override {
    return {};
  }
  std::unique_ptr<tasks::Meter> meter() const override { return nullptr; }
  std::vector<tasks::Answer> answers(const tasks::Outputs&) const override { return {}; }

  TrainState state() { return TrainState(parameters_, *optimizer); }
  void save(const std::filesystem::path& path) {
    const RunIdentity identity{
        base::Json::object(), {}, base::Json::object(), base::Json::object()};
    TrainState own = state();
    own.step = 12;
    save_checkpoint(path, own, identity);
  }
  std::string refusal(const std::filesystem::path& path) {
    TrainState own = state();
    try {
      restore_checkpoint(files::CheckpointFile(path), own);
    } catch (const base::WeightError& error) {
      return error.what();
    }
    return "nothing was thrown";
  }
  layers::Parameter fc, mean, bias;
  std::unique_ptr<Optimizer> optimizer;

 private:
  layers::Parameters parameters_;
  layers::ModelConfig config_;
};

class Restored : public testing::Test {
 protected:
  test::TemporaryDirectory folder_;
  const std::filesystem::path path_ = folder_.path() / "a.h5";
};

TEST_F(Restored, ParametersBuffersAndSlots) {
  Net a(1), b(2);
  a.save(path_);
  const files::CheckpointFile file(path_);
  std::vector<std::string> names;
  for (const auto& entry : file.entries()) names.push_back(entry.name);
  EXPECT_THAT(names, testing::ElementsAre(
                         "model/fc.bias", "model/fc.weight", "model/norm.running_mean",
                         "optimizer/exp_avg/fc.bias", "optimizer/exp_avg/fc.weight",
                         "optimizer/exp_avg_sq/fc.bias", "optimizer/exp_avg_sq/fc.weight"));
  EXPECT_NE(b.mean.tensor().values(), a.mean.tensor().values());
  const uint64_t version = b.fc.tensor().version();
  TrainState state = b.state();
  restore_checkpoint(file, state);
  EXPECT_EQ(state.step, 12);
  EXPECT_EQ(b.fc.tensor().values(), a.fc.tensor().values());
  EXPECT_EQ(b.bias.tensor().values(), a.bias.tensor().values());
  EXPECT_EQ(b.mean.tensor().values(), a.mean.tensor().values());
  EXPECT_NE(b.fc.tensor().version(), version);
  for (size_t i = 0; i < a.optimizer->slots().size(); ++i)
    EXPECT_TRUE(std::equal(a.optimizer->slots()[i].slab,
                           a.optimizer->slots()[i].slab + a.parameters().slab_numel(),
                           b.optimizer->slots()[i].slab));
}

TEST_F(Restored, AFileThatDoesNotFitIsNamedAndChangesNothing) {
  Net with(1), without(1, false), larger(1, true, 6);
  with.save(path_);
  const std::string where = path_.string() + ": model: found ",
                    remedy = "; load it with the config it was trained with";
  EXPECT_EQ(without.refusal(path_),
            where + "norm.running_mean, expected no parameter of that name" + remedy);
  const std::vector<real> before = larger.fc.tensor().values();
  EXPECT_THAT(larger.refusal(path_),
              HasSubstr(where + "fc.weight with shape (5, 3), expected (6, 3), found fc.bias"));
  EXPECT_EQ(larger.fc.tensor().values(), before);
  without.save(path_);
  EXPECT_EQ(with.refusal(path_),
            where + "no norm.running_mean, expected it with shape (5)" + remedy);
}

TEST_F(Restored, AStepAdvancesTheVersionsOfTrainedParametersAlone) {
  Net net(1);
  net.parameters().set_trainable(1, false);
  const uint64_t weight = net.fc.tensor().version(), bias = net.bias.tensor().version(),
                 mean = net.mean.tensor().version();
  net.optimizer->step(0.1, 1, 1);
  EXPECT_NE(net.fc.tensor().version(), weight);
  EXPECT_EQ(net.bias.tensor().version(), bias);
  EXPECT_EQ(net.mean.tensor().version(), mean);
}

TEST_F(Restored, AStepCommitsTheStatisticsOfItsSlicesInOrder) {
  Net net(1);
  real* mean = net.parameters().buffers().mutable_data(0);
  std::fill_n(mean, 5, real{0});
  TrainerConfig config;
  config.micro_batch_size = 2;
  Step step(net, *net.optimizer, config);
  data::Batch batch;
  batch.size = 4;
  step.gradients(batch, 1);  // to nobody
  EXPECT_EQ(net.mean.tensor().values(), std::vector<real>(5, 0));
  step(batch, 1, 0.1);
  EXPECT_EQ(net.mean.tensor().values(), std::vector<real>(5, real{0.25} + real{1.5}));
}

}  // namespace
}  // namespace swin::trainers
