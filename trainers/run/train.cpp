#include "trainers/run/train.h"

#include <algorithm>
#include <filesystem>

#include "base/counts.h"
#include "base/stopwatch.h"
#include "trainers/optim/parameter_groups.h"
#include "trainers/report/evaluation_folder.h"
#include "trainers/report/progress.h"
#include "trainers/report/run_record.h"
#include "trainers/report/summary_csv.h"
#include "trainers/report/tensorboard.h"
#include "trainers/run/data_options.h"
#include "trainers/run/file_lists.h"
#include "trainers/run/signals.h"
#include "trainers/run/start.h"
#include "trainers/run/training_loop.h"

namespace swin::trainers {
namespace {

namespace fs = std::filesystem;

std::string link_path(const RunDirectory& directory, std::string_view name) {
  return directory.linked_step(name) ? (directory.path() / name).string() : "";
}

// last.h5 where it is the checkpoint that was found; it may be missing, or lead to another one.
fs::path name_of_end(const RunDirectory& directory, const fs::path& found) {
  std::error_code error;
  const fs::path last = directory.path() / kLast;
  return fs::equivalent(last, found, error) ? last : found;
}

}  // namespace

std::string output_of(const TrainOptions& options) {
  std::string output =
      !options.output.empty() ? options.output : options.config.runtime.output.value_or("");
  if (output.empty())
    throw base::UsageError("--output", "found none, expected a run directory",
                           "give --output DIR or set runtime.output");
  return output;
}

TrainResult train(const TrainOptions& options) {
  const base::Stopwatch watch;
  Config requested = options.config;
  const std::string output = output_of(options);
  requested.runtime.output = output;

  const StopSignals signals;
  Progress progress({.quiet = options.quiet, .monitor = requested.checkpoint.monitor});
  Listeners listeners;
  listeners.add(progress);
  const RunDirectory directory(output);
  RunStart start = prepare_start(requested, options.resume, directory, listeners);
  const Config& config = start.config;
  const OpenedData& data = start.data;
  const auto& checkpoint = start.checkpoint;
  const Continuation& continuation = start.continuation;
  const auto task =
      tasks::make_task(config.task, config.model, static_cast<uint64_t>(config.trainer.seed), true);
  const auto optimizer = make_optimizer(
      task->parameters(), config.optimizer,
      learning_rate_scales(task->parameters(), config.model, config.optimizer.layer_decay));
  TrainState state(task->parameters(), *optimizer);
  if (checkpoint) restore_checkpoint(*checkpoint, state);
  if (start.initial) start.initial->load(*task, directory, listeners);
  start.initial.reset();  // frees the memory of the file

  const int64_t first_step = state.step;
  TrainingLoop loop({.config = config,
                     .identity = start.identity,
                     .directory = directory,
                     .train = *data.train,
                     .validation = data.validation.images.get(),
                     .validation_labels = {data.validation.labels, has_label_rows(config)},
                     .task = *task,
                     .optimizer = *optimizer,
                     .listener = listeners},
                    state);
  // After all that may refuse to start: a refused start changes nothing.
  restore_best(directory, config.checkpoint, state);
  TrainResult result;
  result.data = data_json(data.sets());
  const auto fill_in = [&] {
    result.steps = state.step;
    result.epochs = state.step / loop.steps_per_epoch();
    result.seconds = watch.seconds();
    result.images_per_second = loop.images_per_second();
    result.data_wait_seconds = loop.data_wait_seconds();
    result.data_wait_fraction = loop.data_wait_seconds() / std::max(loop.seconds(), 1e-9);
    result.bad_images = loop.bad_images();
    result.validation_bad_images = loop.validation_bad_images();
    result.metrics = state.metrics;
    result.last = link_path(directory, kLast);
    result.best = link_path(directory, kBest);
  };
  if (loop.finished()) {
    listeners.note(output + ": the run is finished: " + base::grouped(state.step) +
                   " steps; to train on, start another run with its weights: --init " +
                   name_of_end(directory, checkpoint->path()).string() + " and another --output");
    fill_in();
    result.already_finished = true;
    return result;
  }

  if (continuation.validation_changed) {
    state.best.reset();  // of other images
    restore_best(directory, config.checkpoint, state);
  }
  describe(data, listeners);
  for (const std::string& line : continuation.warnings) listeners.warning(line);
  if (checkpoint)
    listeners.note("resuming from " + checkpoint->path().string() + ", step " +
                   base::grouped(first_step));
  progress.resumed({state.metrics, state.best ? std::optional(state.best->value) : std::nullopt});
  directory.write("config.json", base::to_text(to_json(config), 2) + "\n");
  const RunPosition position{state.step, state.epoch, loop.steps_per_epoch()};
  const fs::path events = directory.path() / "tensorboard";
  std::optional<TensorBoard> tensorboard;
  if (config.trainer.tensorboard)
    tensorboard.emplace(events, position, to_json(config), task->parameters());
  else
    cut_events(events, position);  // of an earlier start with the field
  LogListener log(directory.log_path(), state.step, state.epoch, config.trainer.log_every_steps,
                  [&](const base::Json& line) {
                    if (tensorboard) tensorboard->log_line(line);
                  });
  SummaryCsv summary(directory.path() / "summary.csv", directory.log_path(), state.epoch);
  RunRecord record(directory, {.command = options.command_line,
                               .config_origins = options.config_origins,
                               .versions = start.identity.numerics,
                               .total_steps = config.schedule.total_steps(loop.steps_per_epoch()),
                               .steps_per_epoch = loop.steps_per_epoch()});
  EvaluationListener evaluations(directory.path() / "evaluation");
  FileListWriter files(directory, data.sets());
  listeners.add(log);
  listeners.add(summary);
  if (tensorboard) listeners.add(*tensorboard);
  listeners.add(record);
  listeners.add(evaluations);
  listeners.add(files);
  for (RunListener* listener : options.listeners) listeners.add(*listener);
  listeners.started(first_step);
  TrainingLoop::End end{};
  try {
    end = loop.run();
  } catch (const base::Error& error) {
    record.failed(error);
    throw;
  }
  if (end == TrainingLoop::End::stopped)
    result.exit_code = StopSignals::exit_code(StopSignals::pending());
  fill_in();
  if (end == TrainingLoop::End::stopped)
    listeners.note("stopped by a signal; saved " + result.last + " at step " +
                   base::grouped(result.steps) + "; the same command resumes there");
  listeners.ended(result);
  return result;
}

base::Json to_json(const TrainResult& result) {
  const auto path = [](const std::string& text) {
    return text.empty() ? base::Json() : base::Json(text);
  };
  base::Json json = base::Json::object();
  json["steps"] = result.steps;
  json["epochs"] = result.epochs;
  json["seconds"] = result.seconds;
  json["images_per_second"] = result.images_per_second;
  json["data_wait_seconds"] = result.data_wait_seconds;
  json["data_wait_fraction"] = result.data_wait_fraction;
  json["bad_images"] = result.bad_images;
  json["validation_bad_images"] = result.validation_bad_images;
  json["last"] = path(result.last);
  json["best"] = path(result.best);
  base::Json metrics = base::Json::object();
  for (const auto& [name, value] : result.metrics) metrics[name] = value;
  json["metrics"] = std::move(metrics);
  json["data"] = result.data;
  return json;
}

}  // namespace swin::trainers
