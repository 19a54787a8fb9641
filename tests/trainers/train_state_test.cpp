// A checkpoint holds parameters, buffers and optimizer slots; all of them come back through the one
// loader of slabs.
#include "trainers/run/train_state.h"

#include <gmock/gmock.h>

#include <fstream>
#include <limits>

#include "autograd/ops/ops.h"
#include "base/errors.h"
#include "base/pool.h"
#include "layers/dense/norm.h"
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
  explicit Net(uint64_t seed, bool with_buffer = true, int64_t dim = 5, bool with_norm = false)
      : with_norm_(with_norm) {
    const Scope scope(parameters_);
    if (with_norm) norm = layers::BatchNorm(scope / "bn", dim);
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
                     const tasks::Count& count) const override {
    if (with_norm_) return normalized_loss(slice, pass, count);
    const auto of_slice = static_cast<real>(slice.begin + 1);
    pass.update(mean, Tensor::filled({5}, of_slice), real{0.5});
    const Tensor y = autograd::linear(Tensor::filled({1, 3}, 1), fc.tensor(), bias.tensor());
    return {{"loss", autograd::linear(y, Tensor::filled({1, 5}, 1), {})}};
  }
  tasks::Outputs outputs(const Tensor&, tasks::Detail, const tasks::ImageInfo&) const override {
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
  /// What the norm gets of a slice: three numbers an image, times the weights.
  Tensor features(const tasks::Slice& slice) const {
    const std::span<const float> numbers(slice.batch.images);
    return autograd::linear(
        Tensor::from({slice.size, 3}, numbers.subspan(static_cast<size_t>(3 * slice.begin),
                                                      static_cast<size_t>(3 * slice.size))),
        fc.tensor(), bias.tensor());
  }
  layers::Parameter fc, mean, bias;
  layers::BatchNorm norm;
  std::unique_ptr<Optimizer> optimizer;

 private:
  tasks::Losses normalized_loss(const tasks::Slice& slice, const layers::Pass& pass,
                                const tasks::Count& count) const {
    std::vector<int32_t> labels;
    for (int64_t i = 0; i < slice.size; ++i)
      labels.push_back(static_cast<int32_t>((slice.begin + i) % 5));
    const Tensor y = norm(features(slice), pass);
    return {{"loss", autograd::pixel_cross_entropy(y, autograd::Array<int32_t>::from(labels), {},
                                                   static_cast<real>(1 / count[0]))}};
  }
  bool with_norm_;
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

/// Runs whose task normalizes by the statistics of its slices: two of three images.
class Normalized : public Restored {
 protected:
  static Net net(uint64_t seed) { return Net(seed, false, 5, true); }
  static data::Batch batch(int64_t step) {
    data::Batch batch;
    batch.size = 6;
    for (int64_t i = 0; i < 18; ++i)
      batch.images.push_back(static_cast<float>((i * 7 + step * 5) % 11) - 4);
    return batch;
  }
  static void make_steps(Net& net, int64_t first, int64_t last) {
    TrainerConfig config;
    config.micro_batch_size = 3;
    Step step(net, *net.optimizer, config);
    for (int64_t i = first; i <= last; ++i) step(batch(i), i, 0.1);
  }
  static std::string bytes_of(const std::filesystem::path& path) {
    std::ifstream file(path, std::ios::binary);
    return {std::istreambuf_iterator<char>(file), {}};
  }
  static std::vector<real> buffers(Net& net) {
    const layers::Slab& slab = net.parameters().buffers();
    return {slab.slab(), slab.slab() + slab.slab_numel()};
  }
  static std::vector<real> values(Net& net, const std::string& buffer) {
    return net.parameters().buffers().find(buffer)->tensor.values();
  }
};

TEST_F(Normalized, AStepAddsTheStatisticsOfEachSliceInOrder) {
  Net net = this->net(1);
  const data::Batch batch = this->batch(1);
  std::vector<real> mean = values(net, "bn.running_mean"), var = values(net, "bn.running_var");
  for (const int64_t begin : {0, 3}) {
    autograd::BatchStatistics of;
    autograd::batch_norm(net.features({batch, begin, 3}), Tensor::filled({5}, 1),
                         Tensor::filled({5}, 0), 1, &of);
    constexpr real kMomentum = static_cast<real>(0.1);
    for (size_t c = 0; c < 5; ++c) {
      mean[c] = (1 - kMomentum) * mean[c] + kMomentum * of.mean.data()[c];
      var[c] = (1 - kMomentum) * var[c] + kMomentum * of.variance.data()[c];
    }
  }
  make_steps(net, 1, 1);
  EXPECT_EQ(values(net, "bn.running_mean"), mean);
  EXPECT_EQ(values(net, "bn.running_var"), var);
}

TEST_F(Normalized, AResumedRunHasTheSameBits) {
  Net whole = net(1), first = net(1), second = net(2);
  make_steps(whole, 1, 4);
  make_steps(first, 1, 2);
  first.save(path_);
  EXPECT_NE(buffers(second), buffers(first));
  TrainState state = second.state();
  restore_checkpoint(files::CheckpointFile(path_), state);
  EXPECT_EQ(buffers(second), buffers(first));
  make_steps(second, 3, 4);
  EXPECT_EQ(buffers(second), buffers(whole));
  // All of it: parameters, buffers and slots.
  const std::filesystem::path resumed = folder_.path() / "resumed.h5";
  whole.save(path_);
  second.save(resumed);
  EXPECT_EQ(bytes_of(resumed), bytes_of(path_));
}

TEST_F(Normalized, NeitherEvaluationNorReplayNorADryRunChangesABuffer) {
  Net net = this->net(1);
  make_steps(net, 1, 1);
  const std::vector<real> before = buffers(net);
  const uint64_t version = net.parameters().buffers()[0].tensor.version();
  const data::Batch batch = this->batch(2);
  net.norm(net.features({batch, 0, 6}), layers::Pass{});
  TrainerConfig config;
  config.micro_batch_size = 3;
  Step step(net, *net.optimizer, config);
  data::Batch broken = batch;
  broken.images[12] = std::numeric_limits<float>::infinity();  // in the second slice
  EXPECT_THROW(step(broken, 2, 0.1), base::DivergedError);     // computed again to find the op
  {
    const base::DryRun dry;
    step.gradients(batch, 2);
  }
  EXPECT_EQ(buffers(net), before);
  EXPECT_EQ(net.parameters().buffers()[0].tensor.version(), version);
  // Nor is anything left over: the next step is as if they had not been.
  Net other = this->net(1);
  make_steps(other, 1, 1);
  step(batch, 2, 0.1);
  make_steps(other, 2, 2);
  EXPECT_EQ(buffers(net), buffers(other));
}

}  // namespace
}  // namespace swin::trainers
