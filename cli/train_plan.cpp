// swin train --plan: what a run would do, as text or JSON.
#include "trainers/run/train_plan.h"

#include "cli/console.h"
#include "cli/plan.h"

namespace swin::cli {
namespace {

using trainers::TrainPlan;

std::string start_text(const TrainPlan& plan) {
  switch (plan.from) {
    case TrainPlan::From::finished:
      return "Start: none; " + plan.file + " is the end of this run, at step " +
             grouped(plan.first_step);
    case TrainPlan::From::checkpoint:
      return "Start: goes on from " + plan.file + ", step " + grouped(plan.first_step) + " of " +
             grouped(plan.total_steps);
    case TrainPlan::From::weights:
      return "Start: a new run with the weights of " + plan.file;
    case TrainPlan::From::scratch:
      break;
  }
  return "Start: a new run with random weights (trainer.seed " +
         std::to_string(plan.config.trainer.seed) + ")";
}

std::string checkpoints_text(const trainers::CheckpointConfig& config) {
  std::vector<std::string> when;
  const auto every = [&](const std::optional<int64_t>& count, const std::string& what) {
    if (count) when.push_back(*count == 1 ? what : base::counted(*count, what));
  };
  every(config.every_epochs, "epoch");
  every(config.every_steps, "step");
  if (config.every_minutes)
    when.push_back(base::to_text(base::Json(*config.every_minutes)) + " minutes");
  return when.empty() ? "a checkpoint at the end"
                      : "a checkpoint every " + base::joined(when, " and every ");
}

std::string schedule_text(const TrainPlan& plan) {
  const trainers::Config& config = plan.config;
  std::string text = "Schedule: " + base::counted(plan.total_steps, "step") + " of " +
                     base::counted(config.trainer.batch_size, "image") + ", " +
                     base::counted(plan.epochs, "epoch") + " of " +
                     base::counted(plan.steps_per_epoch, "step") + "; " +
                     checkpoints_text(config.checkpoint);
  if (plan.validation_images > 0)
    text += "; " + base::counted(plan.evaluations, "evaluation") + " on " +
            base::counted(plan.validation_images, "image") + " to come" +
            (config.checkpoint.keep_best ? ", best.h5 by " + config.checkpoint.monitor : "");
  else
    text += "; no evaluation";
  return text;
}

std::string output_text(const TrainPlan& plan) {
  std::string text = "Output: " + plan.output + (plan.output_exists ? "" : " (new)") + ", up to " +
                     base::counted(plan.kept_checkpoints, "checkpoint") + " of " +
                     bytes_text(plan.cost.training.checkpoint_bytes) + ": " +
                     bytes_text(plan.disk_bytes) + " of the " + bytes_text(plan.free_bytes) +
                     " that are free";
  return text;
}

std::string text_of(const TrainPlan& plan) {
  const trainers::Config& config = plan.config;
  const trainers::Cost& total = plan.cost.training.forward.total;
  std::string text;
  for (const std::string& line : plan.data_lines) text += line + "\n";
  text += "Model: " + config.model.name + " for " + config.task.name + ", " +
          grouped(total.parameters) + " parameters, " + giga(total.macs) +
          " multiply-adds per image\n";
  text += one_line(start_text(plan)) + "\n";
  for (const std::string& line : plan.notes) text += one_line("  " + line) + "\n";
  text += one_line(schedule_text(plan)) + "\n";
  if (plan.from != TrainPlan::From::finished) text += cost_text(plan.cost);
  text += one_line(output_text(plan)) + "\n";
  if (plan.disk_bytes > plan.free_bytes)
    text +=
        "That is more than is free: choose another --output or a smaller checkpoint.keep_last\n";
  return text + "Nothing was started; the same command without --plan " +
         (plan.from == TrainPlan::From::finished ? "does nothing either\n" : "trains\n");
}

}  // namespace

base::ExitCode print_train_plan(const TrainArguments& arguments,
                                const trainers::TrainOptions& options) {
  const TrainPlan plan = trainers::plan_train(options);
  for (const std::string& line : plan.warnings) note(line);
  if (!arguments.json) {
    print(text_of(plan));
    return base::ExitCode::done;
  }
  base::Json json = trainers::to_json(plan);
  json["task"] = plan.config.task.name;
  json["model"] = plan.config.model.name;
  json["cost"] = cost_json(plan.config.model, plan.cost);
  print_json(json);
  return base::ExitCode::done;
}

}  // namespace swin::cli
