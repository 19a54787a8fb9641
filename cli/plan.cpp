// swin plan: what a config will cost, as a table or JSON.
#include "cli/plan.h"

#include "base/counts.h"
#include "base/limits.h"
#include "base/size2.h"
#include "cli/console.h"
#include "cli/startup.h"
#include "cli/verbs.h"
#include "layers/window_layout.h"

namespace swin::cli {
namespace {

using trainers::Cost;
constexpr int64_t kShifted = 1;  // the block of a stage whose windows are shown

base::Json pair(const layers::Size2& size) {
  return base::Json::array_of(std::vector<int64_t>(size.begin(), size.end()));
}

base::Json cost_json(const Cost& cost) {
  base::Json json = base::Json::object();
  json["parameters"] = cost.parameters;
  json["macs"] = cost.macs;
  return json;
}

base::Json fit_json(const tasks::AnchorFit& fit) {
  base::Json json = base::Json::object();
  json["objects"] = fit.objects;
  json["at_least_half"] = fit.at_least_half;
  json["at_least_seven_tenths"] = fit.at_least_seven_tenths;
  json["mean_iou"] = fit.mean_iou;
  json["of_level"] = base::Json::array_of(fit.of_level);
  return json;
}

base::Json anchors_json(const trainers::AnchorPlan& anchors) {
  base::Json json = fit_json(anchors.fit);
  base::Json& suggestion = json["suggestion"] = base::Json();
  if (anchors.suggestion) {
    suggestion = fit_json(anchors.suggestion->fit);
    suggestion["sizes"] = base::Json::array_of(anchors.suggestion->sizes);
  }
  return json;
}

// How many objects have an anchor that fits, and sizes with which more have.
std::string anchors_text(const trainers::AnchorPlan& anchors) {
  std::string text = "Anchors: " + percent(anchors.fit.at_least_half) + " of " +
                     base::counted(anchors.fit.objects, "training object") +
                     " overlap one by at least half (IoU 0.5), on average " +
                     fixed(anchors.fit.mean_iou, 2) + "\n";
  if (!anchors.suggestion) return text;
  base::Json sizes = base::Json::array();
  for (const double size : anchors.suggestion->sizes) sizes.push_back(static_cast<int64_t>(size));
  return text + "  " + percent(anchors.suggestion->fit.at_least_half) + " would, on average " +
         fixed(anchors.suggestion->fit.mean_iou, 2) +
         ", with --set task.anchors.sizes=" + base::to_text(sizes) + "\n";
}

std::string stage_table(const layers::ModelConfig& model, const trainers::ForwardPlan& plan) {
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
  const auto without_map = [&](const std::string& name, const Cost& cost) {
    table.row({name, "", "", "", "", "", "", "", grouped(cost.parameters), giga(cost.macs)});
  };
  without_map("patch_embed", plan.patch_embed);
  for (size_t i = 0; i < plan.stages.size(); ++i) {
    const int64_t stage = static_cast<int64_t>(i);
    const layers::WindowLayout w = layers::window_layout(model, stage, kShifted);
    table.row({layers::stage_path(model, stage), base::size_text(w.map), base::size_text(w.padded),
               base::size_text(w.window), base::size_text(w.shift), std::to_string(model.depths[i]),
               std::to_string(model.dim_of(stage)), std::to_string(model.num_heads[i]),
               grouped(plan.stages[i].parameters), giga(plan.stages[i].macs)});
  }
  without_map("norm, head", plan.head);
  without_map("total", plan.total);
  return table.text();
}

std::string plan_text(const layers::ModelConfig& model, const trainers::CostPlan& cost) {
  const trainers::ForwardPlan& forward = cost.training.forward;
  std::string text = stage_table(model, forward) + "\n";
  text += "A layer's downsample is counted with its stage; MACs are multiply-adds of one image.\n";
  text += "Products of attention: " + giga(forward.attention_macs) +
          "; the model, as papers on detection and segmentation count: " +
          giga(forward.published_macs) + "\n";
  if (model.num_classes > 0) text += "Classes: " + std::to_string(model.num_classes) + "\n";
  text += "Inference of one image: " + bytes_text(forward.memory_bytes) + " (" +
          bytes_text(forward.packed_bytes) + " of them weights that are kept packed)\n";
  return text + cost_text(cost);
}

}  // namespace

std::string giga(int64_t n) {
  const double value = static_cast<double>(n);
  return n >= 100'000'000 ? fixed(value / 1e9, 3) + " G" : fixed(value / 1e6, 3) + " M";
}

base::Json cost_json(const layers::ModelConfig& model, const trainers::CostPlan& cost) {
  const trainers::TrainingPlan& plan = cost.training;
  const trainers::TimeEstimate& time = cost.time;
  base::Json result = base::Json::object();
  const trainers::ForwardPlan& forward = plan.forward;
  result["parameters"] = forward.total.parameters;
  result["macs"] = forward.total.macs;
  base::Json& stages = result["stages"] = base::Json::array();
  for (size_t i = 0; i < forward.stages.size(); ++i) {
    const int64_t stage = static_cast<int64_t>(i);
    const layers::WindowLayout windows = layers::window_layout(model, stage, kShifted);
    base::Json row = base::Json::object();
    row["name"] = layers::stage_path(model, stage);
    row["map"] = pair(windows.map);
    row["padded_map"] = pair(windows.padded);
    row["window"] = pair(windows.window);
    row["shift"] = pair(windows.shift);
    row["blocks"] = model.depths[i];
    row["dim"] = model.dim_of(stage);
    row["num_heads"] = model.num_heads[i];
    row["parameters"] = forward.stages[i].parameters;
    row["macs"] = forward.stages[i].macs;
    stages.push_back(row);
  }
  result["patch_embed"] = cost_json(forward.patch_embed);
  result["head"] = cost_json(forward.head);
  result["attention_macs"] = forward.attention_macs;
  result["published_macs"] = forward.published_macs;
  result["peak_memory_bytes"] = plan.peak_memory_bytes;
  result["inference_memory_bytes"] = forward.memory_bytes;
  result["packed_bytes"] = forward.packed_bytes;
  result["state_bytes"] = plan.state_bytes;
  result["num_classes"] = model.num_classes;
  result["batch_size"] = plan.batch_size;
  result["micro_batch_size"] = plan.micro_batch_size;
  if (cost.anchors) result["anchors"] = anchors_json(*cost.anchors);
  base::Json& estimate = result["estimate"] = base::Json::object();
  estimate["gemm_gflops"] = time.gemm_gflops;
  estimate["assumed_gemm_fraction"] = time.gemm_fraction;
  estimate["images_per_second"] = time.images_per_second;
  estimate["step_seconds"] = time.step_seconds;
  estimate["training_images"] =
      cost.training_images > 0 ? base::Json(cost.training_images) : base::Json();
  estimate["steps"] = time.steps ? base::Json(*time.steps) : base::Json();
  estimate["run_seconds"] = time.run_seconds ? base::Json(*time.run_seconds) : base::Json();
  return result;
}

std::string cost_text(const trainers::CostPlan& cost) {
  const trainers::TrainingPlan& plan = cost.training;
  const trainers::TimeEstimate& time = cost.time;
  std::string text = cost.anchors ? anchors_text(*cost.anchors) : "";
  text += "Peak memory of a training step: " + bytes_text(plan.peak_memory_bytes) + " (" +
          bytes_text(plan.state_bytes) + " parameters, gradients and optimizer slots) with batch " +
          std::to_string(plan.batch_size) +
          (plan.micro_batch_size < plan.batch_size
               ? " in micro-batches of " + std::to_string(plan.micro_batch_size)
               : "") +
          "\n";
  const std::optional<int64_t> limit = base::limits().memory_bytes();
  if (limit && plan.peak_memory_bytes > *limit)
    text += "That is more than the " + bytes_text(*limit) + " that this process may use: " +
            (plan.state_bytes < *limit ? "set a smaller trainer.micro_batch_size"
                                       : "choose a smaller model or a larger limit") +
            "\n";
  text += "Estimate: " + fixed(time.images_per_second, time.images_per_second < 10 ? 2 : 0) +
          " images/s, " + seconds_text(time.step_seconds) + " per step, if a step reaches " +
          fixed(100 * time.gemm_fraction, 0) + "% of this machine's matrix product (" +
          fixed(time.gemm_gflops, 0) + " GFLOP/s)\n";
  if (time.steps)
    text += "The run: " + grouped(*time.steps) + " steps, " + seconds_text(*time.run_seconds) +
            " without evaluation\n";
  return text;
}

base::ExitCode run(const PlanArguments& arguments) {
  if (arguments.compare) return compare_plans(arguments);
  trainers::Config config = load_model_config(arguments.configs[0], arguments.sets);
  set_threads(arguments, config.runtime.threads);
  const std::unique_ptr<data::Dataset> training = look_at_data(config);
  const trainers::CostPlan cost = trainers::plan_cost(config, training.get());
  if (arguments.json)
    print_json(cost_json(config.model, cost));
  else
    print(plan_text(config.model, cost));
  return base::ExitCode::done;
}

}  // namespace swin::cli
