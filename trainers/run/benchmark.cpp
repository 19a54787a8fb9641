#include "trainers/run/benchmark.h"

#include <algorithm>
#include <map>
#include <optional>

#include "autograd/ops/ops.h"
#include "autograd/tape/op.h"
#include "base/cpu.h"
#include "base/parallel.h"
#include "base/random.h"
#include "base/stopwatch.h"
#include "layers/model.h"
#include "trainers/optim/adamw.h"
#include "trainers/optim/parameter_groups.h"

namespace swin::trainers {
namespace {

using autograd::Tensor;

Tensor synthetic_images(const layers::ModelConfig& model, int64_t batch) {
  Tensor images({batch, model.image_size[0], model.image_size[1], model.in_chans});
  const base::Random random(0, "benchmark/images");
  for (int64_t i = 0; images.data() && i < images.numel(); ++i)
    images.mutable_data()[i] = random.uniform(static_cast<uint64_t>(i)) * 2 - 1;
  return images;
}

Tensor synthetic_targets(int64_t batch, int64_t classes) {
  Tensor target = Tensor::filled({batch, classes}, 0);
  for (int64_t i = 0; target.data() && i < batch; ++i)
    target.mutable_data()[i * classes + i % classes] = 1;
  return target;
}

// Sums the multiply-adds of a forward pass.
class CountMacs : public autograd::ForwardObserver {
 public:
  void op_done(const char*, const std::string&, const Tensor&, int64_t macs, double) override {
    total += macs;
  }
  int64_t total = 0;
};

class ProfileForward : public autograd::ForwardObserver {
 public:
  explicit ProfileForward(std::map<std::string, ProfileRow>& rows) : rows_(rows) {}
  void op_done(const char* op, const std::string&, const Tensor&, int64_t macs,
               double seconds) override {
    ProfileRow& row = rows_[op];
    ++row.calls;
    row.macs += macs;
    row.forward_seconds += seconds;
  }

 private:
  std::map<std::string, ProfileRow>& rows_;
};

class ProfileBackward : public autograd::Observer {
 public:
  explicit ProfileBackward(std::map<std::string, ProfileRow>& rows) : rows_(rows) {}
  void node_done(const autograd::Node& node, double seconds) override {
    rows_[node.op].backward_seconds += seconds;
  }

 private:
  std::map<std::string, ProfileRow>& rows_;
};

int64_t macs_per_image(const layers::ModelConfig& config) {
  const base::DryRun dry;
  const layers::Model model(config, 0, false);
  CountMacs count;
  model.forward(synthetic_images(config, 1), {});
  return count.total;
}

}  // namespace

BenchmarkResult benchmark(const Config& config, const BenchmarkOptions& options) {
  layers::ModelConfig model_config = config.model;
  if (model_config.num_classes <= 0) model_config.num_classes = 1000;
  const bool training = options.mode == BenchmarkMode::train;
  BenchmarkResult result;
  result.mode = training ? "train" : "infer";
  result.cpu = base::cpu().model;
  result.threads = base::num_threads();
  result.batch_size = options.batch_size > 0 ? options.batch_size : config.trainer.batch_size;
  result.flops_per_image =
      (training ? 6.0 : 2.0) * static_cast<double>(macs_per_image(model_config));

  layers::Model model(model_config, 0, training);
  std::optional<AdamW> optimizer;
  if (training) freeze(model.parameters(), config.trainer.freeze);
  if (training) optimizer.emplace(model.parameters(), config.optimizer);
  const Tensor images = synthetic_images(model_config, result.batch_size);
  const Tensor target = synthetic_targets(result.batch_size, model_config.num_classes);
  layers::Pass pass;
  pass.training = training;

  const auto train_step = [&](autograd::Observer* observer) {
    model.parameters().begin_step();
    autograd::Tape tape;
    {
      const autograd::Tape::Recording recording(tape);
      const Tensor logits = model.forward(images, pass);
      const Tensor loss =
          autograd::cross_entropy(logits, target, real{1} / static_cast<real>(result.batch_size));
      tape.backward(loss, observer);
    }
    const double norm = gradient_norm(model.parameters());
    const double clip = config.trainer.clip_grad.value_or(5.0);
    optimizer->step(1e-4, std::min(1.0, clip / (norm + 1e-6)), static_cast<int64_t>(++pass.step));
  };
  const auto step = [&] {
    const base::Stopwatch watch;
    if (training)
      train_step(nullptr);
    else
      model.forward(images, pass);
    return watch.seconds();
  };

  autograd::kernels::MachineRate before = autograd::kernels::measure_machine_rate();
  for (int i = 0; i < 3; ++i) step();  // warm-up: fills the pool
  const base::Stopwatch watch;
  while (result.steps.size() < 5 || watch.seconds() < options.seconds)
    result.steps.push_back(step());
  result.peak_memory_bytes = base::peak_memory_bytes();
  const autograd::kernels::MachineRate after = autograd::kernels::measure_machine_rate();
  result.machine.openblas = std::max(before.openblas, after.openblas);
  result.machine.onednn_sgemm = std::max(before.onednn_sgemm, after.onednn_sgemm);
  result.machine.onednn_matmul = std::max(before.onednn_matmul, after.onednn_matmul);

  std::vector<double> sorted = result.steps;
  std::sort(sorted.begin(), sorted.end());
  result.step_seconds = sorted[sorted.size() / 2];
  result.images_per_second = static_cast<double>(result.batch_size) / result.step_seconds;
  result.gemm_gflops = result.machine.best();
  if (result.gemm_gflops > 0)
    result.gemm_fraction =
        result.images_per_second * result.flops_per_image / (result.gemm_gflops * 1e9);

  if (options.profile) {
    std::map<std::string, ProfileRow> rows;
    {
      const ProfileForward forward(rows);
      if (training) {
        ProfileBackward backward(rows);
        train_step(&backward);
      } else {
        model.forward(images, pass);
      }
    }
    for (auto& [op, row] : rows) {
      row.op = op;
      result.profile.push_back(row);
    }
    std::sort(
        result.profile.begin(), result.profile.end(), [](const ProfileRow& a, const ProfileRow& b) {
          return a.forward_seconds + a.backward_seconds > b.forward_seconds + b.backward_seconds;
        });
  }
  return result;
}

}  // namespace swin::trainers
