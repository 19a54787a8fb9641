#include "trainers/run/train_plan.h"

#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <filesystem>

#include "base/errors.h"
#include "files/atomic_file.h"
#include "trainers/run/evaluation.h"
#include "trainers/run/start.h"
#include "trainers/run/training_loop.h"

namespace swin::trainers {
namespace {

namespace fs = std::filesystem;

class Collect : public RunListener {
 public:
  Collect(std::vector<std::string>& notes, std::vector<std::string>& warnings)
      : notes_(notes), warnings_(warnings) {}
  void message(Message kind, const std::string& text) override {
    (kind == Message::note ? notes_ : warnings_).push_back(text);
  }

 private:
  std::vector<std::string>&notes_, &warnings_;
};

// The folder that exists already on the way to RUN/checkpoints, which a start makes.
// @throws DiskError as RunDirectory does where it cannot make its files.
fs::path require_writable(const fs::path& output) {
  const fs::path wanted = output / "checkpoints";
  std::error_code error;
  fs::path existing, at;
  for (const fs::path& part : fs::absolute(wanted, error)) {
    at /= part;
    if (!fs::exists(at, error)) break;
    if (!fs::is_directory(at, error)) files::fail_on_disk(wanted, "make the directory", ENOTDIR);
    existing = at;
  }
  if (!fs::exists(wanted, error)) {
    if (fs::is_symlink(at, error))  // to nothing
      files::fail_on_disk(wanted, "make the directory", EEXIST);
    if (::access(existing.c_str(), W_OK | X_OK) != 0)
      files::fail_on_disk(wanted, "make the directory", errno);
    return existing;
  }
  const fs::path lock = output / "lock";
  const bool locked = fs::exists(lock, error);
  if (::access(locked ? lock.c_str() : output.c_str(), locked ? R_OK | W_OK : W_OK | X_OK) != 0)
    throw base::DiskError(lock.string(),
                          std::string("cannot be opened (") + std::strerror(errno) + ")",
                          "choose a writable --output");
  return existing;
}

void plan_schedule(const RunStart& start, TrainPlan& plan) {
  const Config& config = plan.config;
  plan.steps_per_epoch = start.identity.steps_per_epoch;
  plan.total_steps = config.schedule.total_steps(plan.steps_per_epoch);
  const auto epoch_of = [&](int64_t step) { return (step - 1) / plan.steps_per_epoch + 1; };
  plan.epochs = epoch_of(plan.total_steps);
  int64_t epochs_done = 0;
  if (start.checkpoint) {
    plan.from = TrainPlan::From::checkpoint;
    plan.file = start.checkpoint->path().string();
    plan.first_step = start.checkpoint->step();
    epochs_done = start.checkpoint->epoch();
    if (plan.first_step >= plan.total_steps && epochs_done >= epoch_of(plan.first_step))
      plan.from = TrainPlan::From::finished;
  } else if (start.initial) {
    plan.from = TrainPlan::From::weights;
    plan.file = *config.init.checkpoint;
  }
  if (!start.data.validation.images) return;
  plan.validation_images = start.data.validation.images->size();
  for (int64_t epoch = epochs_done + 1; epoch <= plan.epochs; ++epoch)
    plan.evaluations += epoch % config.trainer.evaluate_every_epochs == 0 || epoch == plan.epochs;
}

}  // namespace

CostPlan plan_cost(const Config& config, const data::Dataset* training) {
  CostPlan cost;
  if (training) cost.training_images = training->size();
  try {
    if (training) cost.anchors = plan_anchors(config, *training);
  } catch (const base::DataError&) {
    // `swin data check` names what cannot be read.
  }
  cost.training = plan_training(config);
  cost.time = estimate_time(config, cost.training, cost.training_images);
  return cost;
}

TrainPlan plan_train(const TrainOptions& options) {
  TrainPlan plan;
  plan.output = output_of(options);
  const fs::path existing = require_writable(plan.output);
  require_unused(plan.output);
  std::error_code error;
  plan.output_exists = fs::exists(plan.output, error);
  if (const fs::space_info space = fs::space(existing, error); !error)
    plan.free_bytes = static_cast<int64_t>(space.available);

  Collect listener(plan.notes, plan.warnings);
  const RunStart start =
      prepare_start(options.config, options.resume, RunDirectory::look(plan.output), listener);
  plan.config = start.config;
  Collect data_listener(plan.data_lines, plan.warnings);
  describe(start.data, data_listener);
  plan.data = data_json(start.data.sets());
  for (const std::string& line : start.continuation.warnings) listener.warning(line);
  // They refuse what the data cannot give.
  training_loader(plan.config);
  if (start.data.validation.images) evaluation_loader(plan.config, *start.data.validation.images);
  plan_schedule(start, plan);
  plan.cost = plan_cost(plan.config, start.data.train.get());
  plan.cost.time.steps = std::max<int64_t>(plan.total_steps - plan.first_step, 0);
  plan.cost.time.run_seconds =
      static_cast<double>(*plan.cost.time.steps) * plan.cost.time.step_seconds;
  if (start.initial)
    start.initial->adapt(*tasks::make_task(plan.config.task, plan.config.model,
                                           static_cast<uint64_t>(plan.config.trainer.seed), false),
                         listener);
  const CheckpointConfig& checkpoint = plan.config.checkpoint;
  plan.kept_checkpoints =
      checkpoint.keep_last + (checkpoint.keep_best && start.data.validation.images ? 1 : 0) + 1;
  plan.disk_bytes = plan.kept_checkpoints * plan.cost.training.checkpoint_bytes;
  return plan;
}

base::Json to_json(const TrainPlan& plan) {
  static const char* const kFrom[] = {"scratch", "weights", "checkpoint", "finished"};
  base::Json json = base::Json::object();
  json["data"] = plan.data;
  base::Json& start = json["start"] = base::Json::object();
  start["from"] = kFrom[static_cast<size_t>(plan.from)];
  start["file"] = plan.file.empty() ? base::Json() : base::Json(plan.file);
  start["step"] = plan.first_step;
  json["total_steps"] = plan.total_steps;
  json["steps_per_epoch"] = plan.steps_per_epoch;
  json["epochs"] = plan.epochs;
  json["steps_left"] = *plan.cost.time.steps;
  json["evaluations_left"] = plan.evaluations;
  base::Json& output = json["output"] = base::Json::object();
  output["path"] = plan.output;
  output["exists"] = plan.output_exists;
  output["checkpoint_bytes"] = plan.cost.training.checkpoint_bytes;
  output["checkpoints"] = plan.kept_checkpoints;
  output["disk_bytes"] = plan.disk_bytes;
  output["free_bytes"] = plan.free_bytes;
  json["notes"] = base::Json::array_of(plan.notes);
  json["warnings"] = base::Json::array_of(plan.warnings);
  return json;
}

}  // namespace swin::trainers
