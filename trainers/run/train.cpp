#include "trainers/run/train.h"

#include <algorithm>
#include <filesystem>

#include "base/counts.h"
#include "base/stopwatch.h"
#include "data/summary.h"
#include "tasks/task_table.h"
#include "trainers/optim/parameter_groups.h"
#include "trainers/report/progress.h"
#include "trainers/report/run_record.h"
#include "trainers/run/classes.h"
#include "trainers/run/data_options.h"
#include "trainers/run/file_lists.h"
#include "trainers/run/initialize.h"
#include "trainers/run/numerics.h"
#include "trainers/run/resume.h"
#include "trainers/run/signals.h"
#include "trainers/run/training_loop.h"

namespace swin::trainers {
namespace {

namespace fs = std::filesystem;

struct Data {
  std::unique_ptr<data::Dataset> train;
  MeasuredSet validation;  // without images: nothing is evaluated

  RunData sets() const { return {*train, validation.images.get()}; }
};

/// Opens the data sets and sets model.num_classes.
Data open_data(Config& config) {
  if (config.data.train.format.empty())
    throw base::UsageError("data.train", "found none, expected a data set to train on",
                           "add a data section");
  Data data;
  data.train = open_dataset_of(config.data.train, config, true);
  const bool has_classes = tasks::has_classes(tasks::task_row(config.task.name));
  const int64_t classes = has_classes ? data.train->num_classes() : 0;
  if (config.model.num_classes != 0 && config.model.num_classes != classes)
    throw base::UsageError("model.num_classes",
                           "found " + std::to_string(config.model.num_classes) + ", expected the " +
                               std::to_string(classes) + " classes of data.train",
                           "remove the field: it is taken from the data");
  config.model.num_classes = classes;
  if (!config.data.validation) return data;
  const std::vector<std::string>& names = data.train->class_names();
  const Head head = {.where = "data.train",
                     .names = names,
                     .named = !real_class_names(names, config.data.train.format).empty(),
                     .num_classes = classes};
  auto validation = open_dataset_of(*config.data.validation, config, false, head.known_names());
  if (!has_classes) {
    data.validation.images = std::move(validation);
    return data;
  }
  data.validation = match_classes(
      std::move(validation), head,
      {.where = "data.validation",
       .format = config.data.validation->format,
       .ignore_unknown_classes = config.data.ignore_unknown_classes,
       .ignore_remedy = "remove such images, or leave them out with --set "
                        "data.ignore_unknown_classes=true",
       .by_order = false,
       .order_remedy = "list the names of data.train, in the order of its numbers, in a "
                       "classes.txt in the folder of its list or shards"});
  return data;
}

RunIdentity identity_of(const Config& config, const RunData& data) {
  RunIdentity identity;
  identity.config = to_json(config, WithRuntime::no);
  if (config.model.num_classes > 0) identity.class_names = data.train.class_names();
  identity.fingerprint = base::Json::object();
  identity.fingerprint["train"] = data.train.fingerprint();
  if (data.validation) identity.fingerprint["validation"] = data.validation->fingerprint();
  identity.numerics = numerics(config.trainer.precision);
  identity.steps_per_epoch = TrainingLoop::steps_per_epoch(config, data.train);
  return identity;
}

/// Says what each set holds and passed over, and how its classes were matched.
void describe(const Data& data, RunListener& listener) {
  const auto say = [&](const data::Dataset& images, const std::string& name) {
    const data::Summary summary = data::summary_of(images, name);
    for (const std::string& line : summary.notes) listener.note(line);
    for (const std::string& line : summary.warnings) listener.warning(line);
  };
  say(*data.train, "data.train");
  if (data.validation.images) say(*data.validation.images, "data.validation");
  for (const std::string& line : data.validation.notes) listener.note(line);
}

/// For `--json`: {"train": {images, classes, passed_over, …}, "validation": …}.
base::Json data_json(const RunData& data) {
  base::Json json = base::Json::object();
  json["train"] = data::summary_json(data.train);
  if (data.validation) json["validation"] = data::summary_json(*data.validation);
  return json;
}

std::string link_path(const RunDirectory& directory, std::string_view name) {
  return directory.linked_step(name) ? (directory.path() / name).string() : "";
}

}  // namespace

TrainResult train(const TrainOptions& options) {
  const base::Stopwatch watch;
  Config config = options.config;
  const std::string output =
      !options.output.empty() ? options.output : config.runtime.output.value_or("");
  if (output.empty())
    throw base::UsageError("--output", "found none, expected a run directory",
                           "give --output DIR or set runtime.output");
  config.runtime.output = output;

  const StopSignals signals;
  Progress progress({.quiet = options.quiet, .monitor = config.checkpoint.monitor});
  Listeners listeners;
  listeners.add(progress);
  const RunDirectory directory(output);
  const Data data = open_data(config);
  const auto checkpoint = checkpoint_to_resume(options.resume, directory, listeners);
  std::optional<InitialWeights> initial;
  if (checkpoint)
    keep_pretrained_windows(*checkpoint, config);
  else if (config.init.checkpoint)
    initial.emplace(config, data.train->class_names(), listeners);
  RunIdentity identity = identity_of(config, data.sets());

  Continuation continuation;
  if (checkpoint) {
    continuation =
        check_identity(*checkpoint, identity, data.sets(), directory, config.trainer.batch_size);
    identity.steps_per_epoch = continuation.steps_per_epoch;
  }
  const auto task =
      tasks::make_task(config.task, config.model, static_cast<uint64_t>(config.trainer.seed), true);
  const auto optimizer = make_optimizer(
      task->parameters(), config.optimizer,
      learning_rate_scales(task->parameters(), config.model, config.optimizer.layer_decay));
  TrainState state(task->parameters(), *optimizer);
  if (checkpoint) restore_checkpoint(*checkpoint, state);
  if (initial) initial->load(*task, directory, listeners);
  initial.reset();  // frees the memory of the file

  const int64_t first_step = state.step;
  TrainingLoop loop({.config = config,
                     .identity = identity,
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
                   (directory.path() / kLast).string() + " and another --output");
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
  LogListener log(directory.log_path(), state.step, state.epoch, config.trainer.log_every_steps);
  RunRecord record(directory, options.command_line, identity.numerics);
  FileListWriter files(directory, data.sets());
  listeners.add(log);
  listeners.add(record);
  listeners.add(files);
  for (RunListener* listener : options.listeners) listeners.add(*listener);
  listeners.started(first_step);
  const TrainingLoop::End end = loop.run();
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
