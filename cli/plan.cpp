// swin plan: a dry run of the real model tells its stages, parameters, arithmetic and memory. The
// pool counts instead of allocating and kernels do nothing, so the figures cannot drift from the
// code.
#include <algorithm>
#include <chrono>
#include <optional>

#include "autograd/kernels/gemm.h"
#include "autograd/ops/ops.h"
#include "autograd/tape/op.h"
#include "base/cpu.h"
#include "base/pool.h"
#include "base/size2.h"
#include "cli/console.h"
#include "cli/plan_compare.h"
#include "cli/startup.h"
#include "cli/verbs.h"
#include "layers/model.h"
#include "trainers/optim/adamw.h"
#include "trainers/optim/parameter_groups.h"

namespace swin::cli {
namespace {

using autograd::Tensor;

// The share of the machine's matrix product that a training step is taken to reach; `swin
// benchmark` measures it.
constexpr double kAssumedFraction = 0.6;

struct Cost {
  int64_t parameters = 0, macs = 0;
};

// Adds up the arithmetic of a forward by the stage whose layers state it.
class CountMacs : public autograd::ForwardObserver {
 public:
  CountMacs(const std::vector<layers::StageInfo>& stages, std::vector<Cost>& costs,
            Cost& patch_embed, Cost& rest)
      : stages_(stages), costs_(costs), patch_embed_(patch_embed), rest_(rest) {}
  void op_done(const char*, const std::string& path, const Tensor&, int64_t macs, double) override {
    of(path).macs += macs;
  }
  /// Where a layer or parameter of this path is counted.
  Cost& of(const std::string& path) {
    for (size_t i = 0; i < stages_.size(); ++i)
      if (path == stages_[i].path || path.rfind(stages_[i].path + ".", 0) == 0) return costs_[i];
    return path.rfind("patch_embed", 0) == 0 ? patch_embed_ : rest_;
  }

 private:
  const std::vector<layers::StageInfo>& stages_;
  std::vector<Cost>& costs_;
  Cost &patch_embed_, &rest_;
};

struct Plan {
  std::vector<layers::StageInfo> stages;
  std::vector<Cost> costs;  // of the stages
  Cost patch_embed, rest, total;
  int64_t batch_size = 0, micro_batch_size = 0;
  int64_t state_bytes = 0;        // parameters, gradients, optimizer slots
  int64_t step_bytes = 0;         // largest memory of a training step, state included
  int64_t peak_memory_bytes = 0;  // of the process
};

Plan dry_run(const trainers::Config& config) {
  Plan plan;
  plan.batch_size = config.trainer.batch_size;
  plan.micro_batch_size =
      std::min(config.trainer.micro_batch_size.value_or(plan.batch_size), plan.batch_size);
  const layers::ModelConfig& shape = config.model;
  {  // one image, without gradients: the arithmetic
    const base::DryRun dry;
    const layers::Model model(shape, 0, false);
    plan.stages = model.stages();
    plan.costs.resize(plan.stages.size());
    CountMacs count(plan.stages, plan.costs, plan.patch_embed, plan.rest);
    model.forward(Tensor({1, shape.image_size[0], shape.image_size[1], shape.in_chans}), {});
    for (size_t i = 0; i < model.parameters().size(); ++i)
      count.of(model.parameters()[i].name).parameters += model.parameters()[i].numel();
    plan.total = plan.patch_embed;
    for (const Cost* part : {&plan.rest})
      plan.total.macs += part->macs, plan.total.parameters += part->parameters;
    for (const Cost& part : plan.costs)
      plan.total.macs += part.macs, plan.total.parameters += part.parameters;
  }
  {  // one slice of a training step: the memory
    const base::DryRun dry;
    layers::Model model(shape, 0, true);
    trainers::freeze(model.parameters(), config.trainer.freeze);
    const trainers::AdamW optimizer(model.parameters(), config.optimizer);
    plan.state_bytes = static_cast<int64_t>(base::pool_statistics().bytes_in_use);
    const Tensor images(
        {plan.micro_batch_size, shape.image_size[0], shape.image_size[1], shape.in_chans});
    const Tensor target({plan.micro_batch_size, shape.num_classes});
    layers::Pass pass;
    pass.training = true;
    model.parameters().begin_step();
    autograd::Tape tape;
    const autograd::Tape::Recording recording(tape);
    tape.backward(autograd::cross_entropy(model.forward(images, pass), target, 1));
    plan.step_bytes = static_cast<int64_t>(base::pool_statistics().peak_bytes);
  }
  // The loader holds two batches; what this process has by now is the program and its libraries.
  const int64_t batch_bytes = plan.batch_size * shape.image_size[0] * shape.image_size[1] *
                              shape.in_chans * static_cast<int64_t>(sizeof(float));
  plan.peak_memory_bytes = plan.step_bytes + 2 * batch_bytes + base::peak_memory_bytes();
  return plan;
}

// GFLOP/s of the engine's own whole-machine product of 1024³, the best of five: a fraction of a
// second, where `swin benchmark` takes its time.
double measure_product() {
  constexpr int64_t kSide = 1024;
  const Tensor a = Tensor::filled({kSide, kSide}, 1), b = Tensor::filled({kSide, kSide}, 1);
  Tensor c({kSide, kSide});
  autograd::kernels::GemmArguments product;
  product.m = product.n = product.k = product.lda = product.ldb = product.ldc = kSide;
  product.a = a.data();
  product.b = b.data();
  product.c.data = c.mutable_data();
  double best_seconds = 1e9;
  for (int i = 0; i < 5; ++i) {
    const auto start = std::chrono::steady_clock::now();
    autograd::kernels::gemm(product);
    best_seconds =
        std::min(best_seconds,
                 std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count());
  }
  return 2.0 * kSide * kSide * kSide / best_seconds / 1e9;
}

base::Json pair(const layers::Size2& size) {
  return base::Json::array_of(std::vector<int64_t>(size.begin(), size.end()));
}

base::Json cost_json(const Cost& cost) {
  base::Json json = base::Json::object();
  json["parameters"] = cost.parameters;
  json["macs"] = cost.macs;
  return json;
}

std::string giga(int64_t n) {
  const double value = static_cast<double>(n);
  return n >= 100'000'000 ? fixed(value / 1e9, 3) + " G" : fixed(value / 1e6, 3) + " M";
}

}  // namespace

base::ExitCode run(const PlanArguments& arguments) {
  if (arguments.compare) return compare_plans(arguments);
  trainers::Config config = load_model_config(arguments.configs[0], arguments.sets);
  set_threads(arguments, config.runtime.threads);
  const int64_t images = look_at_data(config);
  const Plan plan = dry_run(config);
  const double gflops = measure_product();
  const double images_per_second =
      gflops * 1e9 * kAssumedFraction / (6 * static_cast<double>(plan.total.macs));
  const double step_seconds = static_cast<double>(plan.batch_size) / images_per_second;
  // An epoch leaves out a last batch that is not full.
  const int64_t total_steps = config.schedule.steps
                                  ? *config.schedule.steps
                                  : config.schedule.total_steps(images / plan.batch_size);
  const bool run_known = config.schedule.steps || images > 0;

  if (arguments.json) {
    base::Json result = base::Json::object();
    result["parameters"] = plan.total.parameters;
    result["macs"] = plan.total.macs;
    base::Json& stages = result["stages"] = base::Json::array();
    for (size_t i = 0; i < plan.stages.size(); ++i) {
      const layers::StageInfo& stage = plan.stages[i];
      base::Json row = base::Json::object();
      row["name"] = stage.path;
      row["map"] = pair(stage.map);
      row["padded_map"] = pair(stage.padded);
      row["window"] = pair(stage.window);
      row["shift"] = pair(stage.shift);
      row["blocks"] = stage.depth;
      row["dim"] = stage.dim;
      row["num_heads"] = stage.num_heads;
      row["parameters"] = plan.costs[i].parameters;
      row["macs"] = plan.costs[i].macs;
      stages.push_back(row);
    }
    result["patch_embed"] = cost_json(plan.patch_embed);
    result["head"] = cost_json(plan.rest);
    result["peak_memory_bytes"] = plan.peak_memory_bytes;
    result["state_bytes"] = plan.state_bytes;
    result["num_classes"] = config.model.num_classes;
    result["batch_size"] = plan.batch_size;
    result["micro_batch_size"] = plan.micro_batch_size;
    base::Json& estimate = result["estimate"] = base::Json::object();
    estimate["gemm_gflops"] = gflops;
    estimate["assumed_gemm_fraction"] = kAssumedFraction;
    estimate["images_per_second"] = images_per_second;
    estimate["step_seconds"] = step_seconds;
    estimate["training_images"] = images > 0 ? base::Json(images) : base::Json();
    estimate["steps"] = run_known ? base::Json(total_steps) : base::Json();
    estimate["run_seconds"] =
        run_known ? base::Json(static_cast<double>(total_steps) * step_seconds) : base::Json();
    print_json(result);
    return base::ExitCode::done;
  }

  using Align = Table::Align;
  Table table({{"STAGE"},
               {"MAP", Align::right},
               {"PADDED", Align::right},
               {"WINDOW", Align::right},
               {"SHIFT", Align::right},
               {"BLOCKS", Align::right},
               {"DIM", Align::right},
               {"HEADS", Align::right},
               {"PARAMETERS", Align::right},
               {"MACS", Align::right}});
  table.row({"patch_embed", "", "", "", "", "", "", "", grouped(plan.patch_embed.parameters),
             giga(plan.patch_embed.macs)});
  for (size_t i = 0; i < plan.stages.size(); ++i) {
    const layers::StageInfo& s = plan.stages[i];
    table.row({s.path, base::size_text(s.map), base::size_text(s.padded), base::size_text(s.window),
               base::size_text(s.shift), std::to_string(s.depth), std::to_string(s.dim),
               std::to_string(s.num_heads), grouped(plan.costs[i].parameters),
               giga(plan.costs[i].macs)});
  }
  table.row({"norm, head", "", "", "", "", "", "", "", grouped(plan.rest.parameters),
             giga(plan.rest.macs)});
  table.row(
      {"total", "", "", "", "", "", "", "", grouped(plan.total.parameters), giga(plan.total.macs)});
  std::string text = table.text() + "\n";
  text += "A layer's downsample is counted with its stage; MACs are multiply-adds of one image.\n";
  text += "Classes: " + std::to_string(config.model.num_classes) + "\n";
  text += "Peak memory of a training step: " + bytes_text(plan.peak_memory_bytes) + " (" +
          bytes_text(plan.state_bytes) + " parameters, gradients and AdamW slots) with batch " +
          std::to_string(plan.batch_size) +
          (plan.micro_batch_size < plan.batch_size
               ? " in slices of " + std::to_string(plan.micro_batch_size)
               : "") +
          "\n";
  text += "Estimate: " + fixed(images_per_second, images_per_second < 10 ? 2 : 0) + " images/s, " +
          seconds_text(step_seconds) + " a step, if a step reaches " +
          fixed(100 * kAssumedFraction, 0) + "% of this machine's matrix product (" +
          fixed(gflops, 0) + " GFLOP/s)\n";
  if (run_known)
    text += "The run: " + grouped(total_steps) + " steps, " +
            seconds_text(static_cast<double>(total_steps) * step_seconds) + " without evaluation\n";
  print(text);
  return base::ExitCode::done;
}

}  // namespace swin::cli
