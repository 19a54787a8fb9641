#include "trainers/run/plan.h"

#include <algorithm>
#include <string>

#include "autograd/kernels/gemm.h"
#include "autograd/ops/ops.h"
#include "autograd/tape/op.h"
#include "base/arena.h"
#include "base/cpu.h"
#include "base/pool.h"
#include "base/random.h"
#include "base/stopwatch.h"
#include "layers/window_layout.h"
#include "tasks/task_table.h"
#include "trainers/run/step.h"
#include "trainers/run/train_state.h"

namespace swin::trainers {
namespace {

using autograd::Tensor;

// The fraction of the machine's matrix product that a training step is assumed to reach.
// `swin benchmark` measures it.
constexpr double kAssumedFraction = 0.6;

Tensor one_image(const layers::ModelConfig& model) {
  return Tensor({1, model.image_size[0], model.image_size[1], model.in_chans});
}

// Adds the MACs of each op to the stage, by the path of its layer.
class CountMacs : public autograd::ForwardObserver {
 public:
  CountMacs(ForwardPlan& plan, const layers::ModelConfig& config) : plan_(plan), config_(config) {}
  void op_done(const autograd::OpDone& done) override {
    of(done.path).macs += done.macs;
    const std::string_view op = done.op;
    const auto is = [&](auto... names) { return ((op == names) || ...); };
    if (is("linear", "conv2d", "conv_transpose_2x2", "patch_embed")) plan_.layer_macs += done.macs;
    if (is("window_attention", "attention")) plan_.attention_macs += done.macs;
  }
  /// The cost to which a layer or parameter of this path belongs.
  Cost& of(std::string path) {
    for (const std::string_view prefix : {"encoder.", "backbone."})  // SimMIM's, a dense task's
      if (path.starts_with(prefix)) path.erase(0, prefix.size());
    for (int64_t i = 0; i < config_.num_stages(); ++i)
      if (const std::string stage = layers::stage_path(config_, i);
          path == stage || path.starts_with(stage + "."))
        return plan_.stages[static_cast<size_t>(i)];
    return path.starts_with("patch_embed") ? plan_.patch_embed : plan_.head;
  }

 private:
  ForwardPlan& plan_;
  const layers::ModelConfig& config_;
};

// Of the attention's output projection, whose input the published code does not crop.
int64_t padding_macs(const layers::ModelConfig& model) {
  int64_t macs = 0;
  for (int64_t stage = 0; model.name != "vit" && stage < model.num_stages(); ++stage) {
    const layers::WindowLayout layout = layers::window_layout(model, stage, 0);
    const int64_t tokens = layout.padded[0] * layout.padded[1] - layout.map[0] * layout.map[1];
    macs += model.depths[static_cast<size_t>(stage)] * tokens * model.dim_of(stage) *
            model.dim_of(stage);
  }
  return macs;
}

// Measures the peak of the pool in one slice of a training step, and what stays between steps.
void dry_run_step(const Config& config, TrainingPlan& plan) {
  const base::DryRun dry;
  const auto task = tasks::make_task(config.task, config.model, 0, true);
  const auto optimizer = make_optimizer(task->parameters(), config.optimizer);
  Step step(*task, *optimizer, config.trainer);
  plan.state_bytes = static_cast<int64_t>(base::pool_statistics().bytes_in_use);
  const TrainState state(task->parameters(), *optimizer);
  const layers::Slab& buffers = task->parameters().buffers();
  int64_t values = 0;
  for (size_t i = 0; i < task->parameters().size(); ++i)
    values += task->parameters()[i].numel() * (1 + std::ssize(state.slabs));
  for (size_t i = 0; i < buffers.size(); ++i) values += buffers[i].numel();
  plan.checkpoint_bytes = values * static_cast<int64_t>(sizeof(float));
  data::Batch batch;
  batch.size = plan.micro_batch_size;
  batch.padded_size = config.model.image_size;
  step.gradients(batch, 1);
  plan.peak_memory_bytes = static_cast<int64_t>(base::pool_statistics().peak_bytes);
}

// GFLOP/s of the engine's matrix product of 1024³ on all threads, the best of five.
double measure_gemm_gflops() {
  constexpr int64_t kSize = 1024;
  const Tensor a = Tensor::filled({kSize, kSize}, 1), b = Tensor::filled({kSize, kSize}, 1);
  Tensor c({kSize, kSize});
  using autograd::kernels::Transpose;
  const auto product =
      autograd::kernels::contiguous(a.data(), Transpose::no, b.data(), Transpose::no,
                                    {c.mutable_data(), false}, kSize, kSize, kSize);
  double best_seconds = 1e9;
  for (int i = 0; i < 5; ++i) {
    const base::Stopwatch watch;
    autograd::kernels::gemm(product);
    best_seconds = std::min(best_seconds, watch.seconds());
  }
  return 2.0 * kSize * kSize * kSize / best_seconds / 1e9;
}

}  // namespace

Cost& Cost::operator+=(const Cost& other) {
  parameters += other.parameters;
  macs += other.macs;
  return *this;
}

ForwardPlan plan_forward(const tasks::TaskConfig& config, const layers::ModelConfig& model) {
  const base::DryRun dry;
  const auto task = tasks::make_task(config, model, 0, false);
  ForwardPlan plan;
  plan.stages.resize(model.depths.size());
  // As Inference runs it.
  const size_t model_bytes = base::pool_statistics().bytes_in_use;
  base::Arena arena;
  {
    const Tensor image = one_image(model);
    const base::Arena::Use use(&arena);
    task->outputs(image, tasks::Detail::answers);
  }
  plan.packed_bytes = static_cast<int64_t>(base::pool_statistics().bytes_in_use - model_bytes);
  plan.memory_bytes =
      static_cast<int64_t>(base::pool_statistics().peak_bytes + arena.planned_bytes());
  const autograd::OpByOp op_by_op;  // linear layers and attention are counted apart
  CountMacs count(plan, model);
  task->outputs(one_image(model), tasks::Detail::everything);  // with heads that only train
  plan.published_macs = plan.layer_macs + padding_macs(task->model_config());
  if (tasks::task_row(config.name).papers_count_attention)
    plan.published_macs += plan.attention_macs;
  const layers::Parameters& parameters = task->parameters();
  for (size_t i = 0; i < parameters.size(); ++i)
    count.of(parameters[i].name).parameters += parameters[i].numel();
  plan.total = plan.patch_embed;
  for (const Cost& stage : plan.stages) plan.total += stage;
  plan.total += plan.head;
  return plan;
}

TrainingPlan plan_training(const Config& config) {
  TrainingPlan plan;
  plan.batch_size = config.trainer.batch_size;
  plan.micro_batch_size =
      std::min(config.trainer.micro_batch_size.value_or(plan.batch_size), plan.batch_size);
  plan.forward = plan_forward(config.task, config.model);
  dry_run_step(config, plan);
  // Three batches of the loader: one is computed, one is ready, one is filled. The process itself
  // is the program and its libraries by now.
  const int64_t batch_bytes = plan.batch_size * config.model.image_size[0] *
                              config.model.image_size[1] * config.model.in_chans *
                              static_cast<int64_t>(sizeof(float));
  plan.peak_memory_bytes += 3 * batch_bytes + base::peak_memory_bytes();
  return plan;
}

TimeEstimate estimate_time(const Config& config, const TrainingPlan& plan,
                           int64_t training_images) {
  TimeEstimate estimate;
  estimate.gemm_gflops = measure_gemm_gflops();
  estimate.gemm_fraction = kAssumedFraction;
  estimate.images_per_second = estimate.gemm_gflops * 1e9 * kAssumedFraction /
                               (6 * static_cast<double>(plan.forward.total.macs));
  estimate.step_seconds = static_cast<double>(plan.batch_size) / estimate.images_per_second;
  // An epoch leaves out a last batch that is not full.
  if (config.schedule.steps) {
    estimate.steps = *config.schedule.steps;
  } else if (training_images > 0) {
    estimate.steps = config.schedule.total_steps(training_images / plan.batch_size);
  }
  if (estimate.steps)
    estimate.run_seconds = static_cast<double>(*estimate.steps) * estimate.step_seconds;
  return estimate;
}

double measure_forward_seconds(const tasks::TaskConfig& config, const layers::ModelConfig& model) {
  const auto task = tasks::make_task(config, model, 0, false);
  Tensor image = one_image(model);
  const base::Random random(0, "plan/compare");
  real* pixels = image.mutable_data();
  for (int64_t i = 0; i < image.numel(); ++i)
    pixels[i] = random.uniform(static_cast<uint64_t>(i)) * 2 - 1;
  task->outputs(image, tasks::Detail::answers);
  std::vector<double> seconds;
  for (double total = 0; seconds.size() < 3 || total < 1; total += seconds.back()) {
    const base::Stopwatch watch;
    task->outputs(image, tasks::Detail::answers);
    seconds.push_back(watch.seconds());
  }
  std::sort(seconds.begin(), seconds.end());
  return seconds[seconds.size() / 2];
}

}  // namespace swin::trainers
