#include "trainers/run/benchmark.h"

#include <algorithm>
#include <map>
#include <optional>

#include "autograd/tape/op.h"
#include "base/cpu.h"
#include "base/parallel.h"
#include "base/random.h"
#include "base/stopwatch.h"
#include "tasks/task_table.h"
#include "trainers/run/plan.h"
#include "trainers/run/step.h"

namespace swin::trainers {
namespace {

using autograd::Tensor;

// A batch in memory: images of uniform noise, image i of class i.
data::Batch synthetic_batch(const layers::ModelConfig& model, int64_t size) {
  data::Batch batch;
  batch.size = size;
  batch.padded_size = model.image_size;
  batch.images.resize(
      static_cast<size_t>(size * model.image_size[0] * model.image_size[1] * model.in_chans));
  const base::Random random(0, "benchmark/images");
  for (size_t i = 0; i < batch.images.size(); ++i) batch.images[i] = random.uniform(i) * 2 - 1;
  batch.target_rows.resize(static_cast<size_t>(size * model.num_classes));
  for (int64_t i = 0; i < size && model.num_classes > 0; ++i)
    batch.target_rows[static_cast<size_t>(i * model.num_classes + i % model.num_classes)] = 1;
  return batch;
}

// Adds up the time of each kind of op.
class Profiler : public autograd::ForwardObserver, public autograd::Observer {
 public:
  void op_done(const char* op, const std::string&, const Tensor&, int64_t macs,
               double seconds) override {
    ProfileRow& row = rows[op];
    ++row.calls;
    row.macs += macs;
    row.forward_seconds += seconds;
  }
  void node_done(const autograd::Node& node, double seconds) override {
    rows[node.op].backward_seconds += seconds;
  }
  std::map<std::string, ProfileRow> rows;
};

}  // namespace

BenchmarkResult benchmark(const Config& config, const BenchmarkOptions& options) {
  layers::ModelConfig model = config.model;
  if (model.num_classes <= 0 && tasks::has_classes(tasks::task_row(config.task.name)))
    model.num_classes = 1000;
  const bool training = options.mode == BenchmarkMode::train;
  BenchmarkResult result;
  result.mode = training ? "train" : "infer";
  result.cpu = base::cpu().model;
  result.threads = base::num_threads();
  result.batch_size = options.batch_size > 0
                          ? options.batch_size
                          : config.trainer.micro_batch_size.value_or(config.trainer.batch_size);
  result.flops_per_image =
      (training ? 6.0 : 2.0) * static_cast<double>(plan_forward(config.task, model).total.macs);

  const auto task = tasks::make_task(config.task, model, 0, training);
  std::unique_ptr<Optimizer> optimizer;
  std::optional<Step> training_step;
  if (training) {
    TrainerConfig trainer = config.trainer;
    trainer.micro_batch_size.reset();  // the batch is one slice
    optimizer = make_optimizer(task->parameters(), config.optimizer);
    training_step.emplace(*task, *optimizer, trainer);
  }
  data::Batch batch = synthetic_batch(model, result.batch_size);
  Tensor images;
  if (!training) {
    images = tasks::images_of({batch, 0, batch.size}, batch.size, model.in_chans);
    batch = {};
  }
  int64_t steps = 0;
  const auto compute = [&](autograd::Observer* observer) {
    if (training)
      (*training_step)(batch, ++steps, 1e-4, observer);
    else
      task->outputs(images, tasks::Detail::answers);
  };
  const auto step = [&] {
    const base::Stopwatch watch;
    compute(nullptr);
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
    Profiler profiler;
    compute(&profiler);
    for (auto& [op, row] : profiler.rows) {
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
