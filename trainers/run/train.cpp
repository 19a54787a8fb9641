#include "trainers/run/train.h"

#include <unistd.h>

#include <algorithm>
#include <ctime>
#include <filesystem>

#include "base/cpu.h"
#include "base/parallel.h"
#include "base/stopwatch.h"
#include "base/text.h"
#include "files/mapped_file.h"
#include "trainers/optim/parameter_groups.h"
#include "trainers/run/initialize.h"
#include "trainers/run/numerics.h"
#include "trainers/run/open_data.h"
#include "trainers/run/signals.h"
#include "trainers/run/stored_model.h"
#include "trainers/run/training_loop.h"

namespace swin::trainers {
namespace {

namespace fs = std::filesystem;

std::string utc_now() {
  const std::time_t now = std::time(nullptr);
  std::tm parts{};
  gmtime_r(&now, &parts);
  char text[32];
  std::strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%SZ", &parts);
  return text;
}

/// run.json: facts about a run that are not part of its identity.
class RunRecord {
 public:
  RunRecord(const RunDirectory& directory, const TrainOptions& options, const base::Json& numbers)
      : directory_(directory) {
    char host[256] = {};
    gethostname(host, sizeof host - 1);
    json_ = base::Json::object();
    json_["host"] = host;
    json_["cpu"] = base::cpu().model;
    json_["cpu_features"] = base::cpu_features();
    json_["threads"] = base::num_threads();
    json_["versions"] = numbers;
    json_["command"] = options.command_line;
    json_["times"] = base::Json::object();
    json_["times"]["started"] = utc_now();
  }
  void begin(int64_t step) {
    json_["resumed_from_step"] = step > 0 ? base::Json(step) : base::Json();
    write();
  }
  void end(const TrainResult& result) {
    json_["times"]["ended"] = utc_now();
    json_["result"] = to_json(result);
    json_["exit_code"] = static_cast<int>(result.exit_code);
    write();
  }

 private:
  void write() const { directory_.write("run.json", base::to_text(json_, 2) + "\n"); }
  const RunDirectory& directory_;
  base::Json json_;
};

struct Data {
  std::unique_ptr<data::Dataset> train, validation;
};

void check_same_classes(const data::Dataset& train, const data::Dataset& validation) {
  const std::vector<std::string>&a = train.class_names(), &b = validation.class_names();
  if (a == b) return;
  const auto without = [](const std::vector<std::string>& these,
                          const std::vector<std::string>& those) {
    std::vector<std::string> names;
    for (const std::string& name : these)
      if (std::find(those.begin(), those.end(), name) == those.end())
        names.push_back(base::printable(name));
    return base::listing(names, 5);
  };
  const std::string unknown = without(b, a), absent = without(a, b);
  std::string found = "found " + std::to_string(b.size()) + " classes that are not the " +
                      std::to_string(a.size()) + " of data.train, expected equal names";
  if (!unknown.empty()) found += "; not in data.train: " + unknown;
  if (!absent.empty()) found += "; not in data.validation: " + absent;
  if (unknown.empty() && absent.empty()) found += " in the same order";
  throw base::DataError("data.validation", found,
                        "give both sets the same classes (for a manifest or tar shards, list "
                        "them in a classes.txt)");
}

/// Opens the data sets and sets model.num_classes.
Data open_data(Config& config) {
  if (config.data.train.format.empty())
    throw base::UsageError("data.train", "found none, expected a data set to train on",
                           "add a data section");
  Data data;
  data.train = open_dataset_of(config.data.train, config, true);
  const int64_t classes = data.train->num_classes();
  if (config.model.num_classes != 0 && config.model.num_classes != classes)
    throw base::UsageError("model.num_classes",
                           "found " + std::to_string(config.model.num_classes) + ", expected the " +
                               std::to_string(classes) + " classes of data.train",
                           "remove the field: it is taken from the data");
  config.model.num_classes = classes;
  if (config.data.validation) {
    data.validation = open_dataset_of(*config.data.validation, config);
    check_same_classes(*data.train, *data.validation);
  }
  return data;
}

RunIdentity identity_of(const Config& config, const Data& data) {
  RunIdentity identity;
  identity.config = to_json(config, WithRuntime::no);
  identity.class_names = data.train->class_names();
  identity.fingerprint = base::Json::object();
  identity.fingerprint["train"] = data.train->fingerprint();
  if (data.validation) identity.fingerprint["validation"] = data.validation->fingerprint();
  identity.numerics = numerics(config.trainer.precision);
  return identity;
}

/// The checkpoint to resume from; empty for a new run.
std::optional<files::CheckpointFile> checkpoint_to_resume(const TrainOptions& options,
                                                          const RunDirectory& directory,
                                                          Progress& progress) {
  if (options.resume == "never") return std::nullopt;
  if (options.resume != "auto") return files::CheckpointFile(options.resume);
  for (const RunDirectory::StepFile& file : directory.checkpoints()) {
    try {
      return files::CheckpointFile(file.path);
    } catch (const base::WeightError& e) {
      progress.warning("swin: warning: " + std::string(e.what()) + " (skipped)");
    }
  }
  return std::nullopt;
}

/// A new run takes model.pretrained_window_sizes from its initial weights; a resumed run takes them
/// from its checkpoint, because it does not read that file again.
void keep_pretrained_windows(const files::CheckpointFile& file, Config& config) {
  layers::ModelConfig& model = config.model;
  if (model.name != "swin_v2" || !config.init.checkpoint || !model.pretrained_window_sizes.empty())
    return;
  const base::Json stored = stored_config(file);
  const base::Json* section = stored.find("model");
  const base::Json* sizes = section ? section->find("pretrained_window_sizes") : nullptr;
  if (!sizes || !sizes->is_array()) return;
  for (const base::Json& size : sizes->items())
    if (size.is_integer()) model.pretrained_window_sizes.push_back(size.as_int());
}

void check_identity(const files::CheckpointFile& file, const RunIdentity& now, Progress& progress) {
  const std::string where = file.path().string();
  const std::string differs = difference(now.config, with_defaults(stored_config(file)));
  if (!differs.empty())
    throw base::UsageError(where, "found a run of another config: " + differs,
                           "choose another --output, or start from scratch with --resume never");
  const base::Json fingerprint = stored_json(file, "dataset_fingerprint");
  if (!(fingerprint == now.fingerprint) || stored_class_names(file) != now.class_names)
    throw base::DataError(where,
                          "found a run on other images than those of the data section, expected "
                          "the same files",
                          "restore them, or start from scratch with --resume never");
  const std::string numbers = numerics_difference(now.numerics, stored_json(file, "numerics"));
  if (!numbers.empty())
    progress.warning("swin: warning: " + where + ": other numerics (" + numbers +
                     "); from here on the bits differ from those of the machine it started on");
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
  Progress progress({.quiet = options.quiet});
  const RunDirectory directory(output);
  const Data data = open_data(config);
  const auto checkpoint = checkpoint_to_resume(options, directory, progress);
  std::optional<InitialWeights> initial;
  if (checkpoint)
    keep_pretrained_windows(*checkpoint, config);
  else if (config.init.checkpoint)
    initial.emplace(config, progress);
  const RunIdentity identity = identity_of(config, data);
  TrainingLoop::steps_per_epoch(config, *data.train);  // may throw; before the model takes memory
  const auto task = tasks::make_task(config.task, config.model.num_classes);

  if (checkpoint) check_identity(*checkpoint, identity, progress);
  layers::Model model(config.model, static_cast<uint64_t>(config.trainer.seed), true);
  AdamW optimizer(
      model.parameters(), config.optimizer,
      learning_rate_scales(model.parameters(), config.model, config.optimizer.layer_decay));
  RunState state;
  if (checkpoint) state = restore_checkpoint(*checkpoint, model.parameters(), optimizer);
  if (initial) initial->load(model, directory, progress);
  initial.reset();  // frees the memory of the file

  const int64_t first_step = state.step;
  TrainingLoop loop({.config = config,
                     .identity = identity,
                     .directory = directory,
                     .train = *data.train,
                     .validation = data.validation.get(),
                     .model = model,
                     .task = *task,
                     .optimizer = optimizer,
                     .progress = progress,
                     .after_step = options.after_step},
                    std::move(state));
  TrainResult result;
  const auto fill_in = [&] {
    result.steps = loop.state().step;
    result.epochs = loop.state().step / loop.steps_per_epoch();
    result.seconds = watch.seconds();
    result.images_per_second = loop.images_per_second();
    result.data_wait_seconds = loop.data_wait_seconds();
    result.data_wait_fraction = loop.data_wait_seconds() / std::max(loop.seconds(), 1e-9);
    result.bad_images = loop.bad_images();
    result.metrics = loop.state().metrics;
    result.last = link_path(directory, kLast);
    result.best = link_path(directory, kBest);
  };
  if (loop.finished()) {
    progress.message(output + ": the run is finished: " + std::to_string(loop.state().step) +
                     " steps; nothing to do");
    fill_in();
    result.already_finished = true;
    return result;
  }

  if (checkpoint)
    progress.message("resuming from " + checkpoint->path().string() + ", step " +
                     std::to_string(first_step));
  directory.write("config.json", base::to_text(to_json(config), 2) + "\n");
  RunRecord record(directory, options, identity.numerics);
  record.begin(first_step);
  const TrainingLoop::End end = loop.run();
  if (end == TrainingLoop::End::stopped)
    result.exit_code = StopSignals::exit_code(StopSignals::pending());
  fill_in();
  if (end == TrainingLoop::End::stopped)
    progress.message("stopped by a signal; saved " + result.last + " at step " +
                     std::to_string(result.steps) + "; the same command resumes there");
  record.end(result);
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
  json["last"] = path(result.last);
  json["best"] = path(result.best);
  base::Json metrics = base::Json::object();
  for (const auto& [name, value] : result.metrics) metrics[name] = value;
  json["metrics"] = std::move(metrics);
  return json;
}

}  // namespace swin::trainers
